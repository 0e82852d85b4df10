// SPDX-License-Identifier: MIT
// rooms: node
// Tests that a behaviour for plugins can be added by one folder, two lines in the headers' list of
// behaviours and one line in the host's. A whole node tries a plugin that has the behaviour, runs its
// actors, lets their callbacks make host calls, counts and reports. The test kit runs the same actors
// without a node.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <coppice/detail/tables.hpp>
#include <coppice/etf/text.hpp>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "code_lines.hpp"
#include "metrics/board.hpp"
#include "node/instance/instance.hpp"
#include "node/instance/requests.hpp"
#include "node/instance/snapshots.hpp"
#include "own_behaviour/sieve_testing.hpp"
#include "spec/load.hpp"
#include "temporary_folder.hpp"

using namespace coppice;

namespace {

using lines = std::vector<std::string>;

// The lines that this folder's list has in addition to the product's. Checks that it has all of the
// product's lines, in their order.
lines added(const std::string& own, const std::string& list) {
  const lines product = test::code_lines_of(SOURCE_FOLDER "/" + list);
  lines more;
  auto next = product.begin();
  for (const std::string& line : test::code_lines_of(SOURCE_FOLDER "/tests/unit/own_behaviour/" + own)) {
    if (next != product.end() && *next == line)
      ++next;
    else
      more.push_back(line);
  }
  CHECK_MESSAGE(next == product.end(), own << " is no longer the list of the product and what is added");
  return more;
}

class sieving {
 public:
  sieving() {
    setenv("COPPICE_PLUGIN_HOST", PLUGIN_HOST_PROGRAM, 1);
    base::log::set_level(base::log::level::error);
    ::chmod(place_.write("cookie", "a_cookie_of_20_bytes").c_str(), 0600);
    const std::string file = place_.write(
        "node.yaml",
        fmt::format("node: {{ name: own@127.0.0.1, cookie: {{ file: cookie }}, data: data, workers: 1 }}\n"
                    "epmd: {{ mode: off }}\n"
                    "distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 20000-60000 }} ] }}\n"
                    "plugins: {{ path: [ {} ] }}\n"
                    "applications:\n"
                    "  - name: shop\n"
                    "    supervisor: {{ children: [ {{ id: s, name: evens, actor: \"sieve:evens\" }} ] }}\n",
                    PLUGIN_FOLDER));
    spec::outcome loaded = spec::load({file});
    REQUIRE_MESSAGE(loaded.spec.has_value(), spec::render(loaded.diagnostics));
    auto started = node::instance::start(std::move(*loaded.spec), [] {}, {.files = {file}, .options = {}});
    REQUIRE_MESSAGE(started, started.error().text);
    node_ = std::move(*started);
    std::promise<std::string> is_ready;
    node_->when_ready(
        [&is_ready](const base::status& is) { is_ready.set_value(is ? "ready" : is.error().text); });
    const std::string said = is_ready.get_future().get();
    REQUIRE_MESSAGE(said == "ready", said);
  }

  void cast(const std::string& term) {
    const auto to = node_->snapshots().resolve("evens");
    REQUIRE(to);
    CHECK(node_->requests().cast(*to, *node_->snapshots().parse(term)));
  }
  std::string call(const std::string& request) {
    const auto to = node_->snapshots().resolve("evens");
    REQUIRE(to);
    std::promise<std::string> told;
    node_->requests().call(*to, *node_->snapshots().parse(request), 60 * base::nanos_per_second,
                           [&told](const behaviours::gen::call_result& result) {
                             told.set_value(result ? etf::print(result->bytes()) : "failed");
                           });
    return told.get_future().get();
  }
  std::string report() {
    const auto is = node_->snapshots().info("evens");
    REQUIRE(is);
    std::promise<std::string> told;
    node_->requests().engine_of(is->summary.pid, {}, 60 * base::nanos_per_second,
                                [&told](const base::result<runtime::message>& of) {
                                  told.set_value(of ? etf::print(of->bytes()) : of.error().text);
                                });
    return told.get_future().get();
  }
  std::string metrics() {
    metrics::exposition page(metrics::exposition::format::prometheus);
    node_->snapshots().counted().write(page);
    return page.take();
  }

 private:
  test::temporary_folder place_;
  std::unique_ptr<node::instance> node_;
};

} // namespace

TEST_CASE("a behaviour for plugins is a folder, and at most three lines in the lists elsewhere") {
  CHECK(added("coppice/detail/behaviours.h", "plugin-api/coppice/detail/behaviours.h").size() == 2);
  CHECK(added("hosted_behaviours.cpp", "daemon/host/actors/hosted_behaviours.cpp").size() == 1);
}

TEST_CASE("a node runs a plugin's actor of that behaviour, counts for its type and reports") {
  sieving node;
  for (const char* number : {"1", "2", "3", "4", "none"}) node.cast(number);
  CHECK(node.call("sum") == "6");
  const std::string report = node.report();
  for (const char* part : {"kind => sieve", "seen => 5", "kept => 2"})
    CHECK_MESSAGE(report.find(part) != std::string::npos, report);
  const std::string page = node.metrics();
  CHECK(page.find("sieve_seen_total{type=\"sieve:evens\"} 5\n") != std::string::npos);
  CHECK(page.find("sieve_kept_total{type=\"sieve:evens\"} 2\n") != std::string::npos);
}

TEST_CASE("the test kit runs the same actor without a node") {
  const auto plugin = testing::plugin::load(PLUGIN_FOLDER "/sieve.so");
  testing::actor numbers(plugin);
  REQUIRE(numbers.alive());
  for (const std::uint64_t number : {1, 2, 3, 4}) numbers.cast(number);
  numbers.cast(testing::atom("none"));
  CHECK(numbers.call(testing::atom("sum")) == std::uint64_t{6});
  testing::sieve_in_test sieved(numbers);
  CHECK(sieved.seen() == 5);
  CHECK(sieved.kept() == 2);
  CHECK(numbers.did.complaints.empty());
}

TEST_CASE("a plugin's actor of that behaviour without its table is refused") {
  const std::vector<std::string> tables{"coppice.lifecycle/1", "coppice.server/1"};
  const auto faults = tables::check_names("sieve", tables);
  REQUIRE(faults.size() == 1);
  CHECK(faults.front().text == "the behaviour sieve needs the table coppice.sieve/draft-1, which is missing");
}
