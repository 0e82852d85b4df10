// SPDX-License-Identifier: MIT
// Tests of plugins of other versions: binaries that were built for each minor version of this ABI's major
// version (tests/abi/recorded), and a plugin that was built for more than this host has and can do without
// it.
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>

#include "garden.hpp"

using namespace coppice;
using test::garden;

namespace {

namespace fs = std::filesystem;

class audience : public runtime::behaviour {
 public:
  explicit audience(test::diary& book) : book_(book) {}
  runtime::outcome init(runtime::process&) override { return runtime::carry_on(); }
  runtime::outcome receive(runtime::process&, runtime::message m) override {
    book_.write(test::text(m));
    return runtime::carry_on();
  }
  void describe(runtime::description& out) const override { out.behaviour = "audience"; }

 private:
  test::diary& book_;
};

std::string next_line(garden& grounds) {
  const auto lines = grounds.host.book.take(1);
  return lines.empty() ? std::string() : lines[0];
}

// Uses every interface that is not a draft, through an old plugin.
void use(garden& grounds) {
  runtime::spawn_options options;
  options.name = "audience";
  REQUIRE(grounds.host.system.spawn(std::move(options), std::make_unique<audience>(grounds.host.book)));
  REQUIRE(grounds.grow("greeter", "#{greeting => <<\"moin\">>}") == "ok");
  REQUIRE(grounds.grow("clerk", "#{greeting => <<\"hi\">>}") == "ok");
  CHECK(grounds.call("greeter", "{hello, you}") == "{ok,<<\"moin, you\">>}");
  CHECK(grounds.call("clerk", "greeting") == "<<\"hi\">>");
  CHECK(grounds.call("clerk", "{ask, <<\"greeter\">>, {hello, clerk}}") != "0");
  CHECK(next_line(grounds).ends_with(",7,0,{ok,<<\"moin, clerk\">>}}"));
  CHECK(grounds.call("clerk", "{hire, <<\"junior\">>}") == "ok");
  CHECK(grounds.call("junior", "greeting") == "<<\"hi\">>");
  CHECK(grounds.call("clerk", "{watch, <<\"junior\">>}").starts_with("#Ref<"));
  CHECK(grounds.call("clerk", "{trap, true}") == "false");
  CHECK(grounds.call("clerk", "{compute, 21}") == "42");
  CHECK(grounds.call("clerk", "{note, <<\"still here\">>}") == "ok");
  CHECK(grounds.call("clerk", "{rename, <<\"other\">>}") == "-12"); // a process has one name
  CHECK(grounds.call("clerk", "{compute, -1}") == "!exit {exception,'std::domain_error',<<\"negative\">>}");
  CHECK(next_line(grounds) == "{closed,{exception,'std::domain_error',<<\"negative\">>}}");
}

} // namespace

TEST_CASE("plugins built for earlier minors of this ABI load and work") {
#if !defined(__x86_64__)
  std::puts("SKIP plugins built earlier: they are kept for x86-64 only");
#else
  std::size_t tried = 0;
  for (const auto& folder : fs::directory_iterator(ABI_FOLDER)) {
    if (!folder.path().filename().string().starts_with(std::to_string(COPPICE_ABI_MAJOR) + ".")) continue;
    CAPTURE(folder.path().string());
    test::workshop shop;
    for (const char* name : {"greeter.so", "clerk.so"}) {
      fs::copy_file(folder.path() / name, shop.plugins() / name);
      fs::permissions(shop.plugins() / name, fs::perms::owner_read | fs::perms::owner_write);
    }
    garden grounds(shop);
    use(grounds);
    CHECK(grounds.host.system.stop());
    CHECK(grounds.loads.unload().empty());
    ++tried;
  }
  CHECK(tried > 0);
#endif
}

TEST_CASE("a plugin built for a later minor loads if it needs no more than this one") {
  test::workshop shop;
  shop.put("fixture_from_future");
  garden grounds(shop);
  CHECK(grounds.grow("fixture") == "ok");
  CHECK(grounds.call("fixture", "anything") == "!exit {bad_call,anything}");
}
