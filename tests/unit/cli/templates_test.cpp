// SPDX-License-Identifier: MIT
// Tests of the templates in the program: which kinds there are, and the files of a plugin of each kind.
#include "cli/templates.hpp"

#include <coppice/detail/behaviours.h>
#include <doctest/doctest.h>

#include <algorithm>

using namespace coppice::cli;

namespace {

// Every text of a kind in a language, one after the other.
std::string source_of(const template_kind& kind, std::string_view language) {
  std::string all;
  for (const auto& [path, text] : plugin_files(kind, language, builder::meson, "x"))
    if (path == "x." + std::string(language)) all += text;
  return all;
}

} // namespace

TEST_CASE("words are replaced whole or up to an underscore, and nowhere within another") {
  const word_pair words[] = {{"my_actor", "cart"}};
  CHECK(with_words("my_actor my_actors xmy_actor my_actor_test.cpp \"my_actor\"", words) ==
        "cart my_actors xmy_actor cart_test.cpp \"cart\"");
  CHECK(with_words("my_actor", words) == "cart");
  CHECK(with_words("", words).empty());
}

TEST_CASE("each kind says in a line what it is, and has a template in C and one in C++") {
  const auto kinds = template_kinds();
  CHECK(std::ranges::is_sorted(kinds, {}, &template_kind::name));
  for (const template_kind& kind : kinds) {
    CAPTURE(kind.name);
    CHECK(kind.summary.ends_with('.'));
    CHECK(std::ranges::count(kind.languages, "c") == 1);
    CHECK(std::ranges::count(kind.languages, "cpp") == 1);
  }
}

TEST_CASE("a plugin has a source, a test, what builds it, a page and what git is to ignore") {
  for (const template_kind& kind : template_kinds()) {
    for (const std::string language : {"c", "cpp"}) {
      for (const builder with : {builder::meson, builder::cmake}) {
        CAPTURE(kind.name);
        CAPTURE(language);
        const auto files = plugin_files(kind, language, with, "cart");
        const std::string build = with == builder::meson ? "meson.build" : "CMakeLists.txt";
        for (const std::string& path : {"cart." + language, std::string("cart_test.cpp"), build,
                                        std::string("README.md"), std::string(".gitignore")}) {
          CAPTURE(path);
          CHECK(files.contains(path));
        }
        CHECK(files.size() == 5);
        for (const auto& one : files) {
          CAPTURE(one.first);
          CHECK(one.second.find("my_") == std::string::npos); // every word of the template is replaced
          CHECK(one.second.ends_with('\n'));
        }
        CHECK(files.at("README.md").find("```yaml\n") != std::string::npos);
        CHECK(files.at("README.md").find("```sh\n") != std::string::npos);
      }
    }
  }
}

TEST_CASE("a plugin in Rust is a package that finds the installed crate") {
  const auto kinds = template_kinds();
  const auto actor = std::ranges::find(kinds, "actor", &template_kind::name);
  REQUIRE(actor != kinds.end());
  const auto files = plugin_files(*actor, "rust", builder::cargo, "cart");
  CHECK(files.size() == 4);
  for (const auto& one : files) {
    CAPTURE(one.first);
    CHECK(one.second.find("my_") == std::string::npos);
  }
  CHECK(files.at("Cargo.toml").find("{ path = \"" + std::string(rust_crate()) + "\" }") != std::string::npos);
}

TEST_CASE("no engine is without a template in C") {
  for (const coppice_behaviour* one = coppice_behaviours; one->name != nullptr; ++one) {
    const std::string behaviour = one->name;
    CAPTURE(behaviour);
    const auto kinds = template_kinds();
    CHECK(std::ranges::any_of(kinds, [&](const template_kind& kind) {
      return source_of(kind, "c").find("\\\"behaviour\\\":\\\"" + behaviour + "\\\"") != std::string::npos;
    }));
  }
}

TEST_CASE(
    "a kind's test in C and its test in C++ check the same, but for an actor's, which sends its own types") {
  for (const template_kind& kind : template_kinds()) {
    CAPTURE(kind.name);
    const auto checks = [&kind](std::string_view language) {
      const auto files = plugin_files(kind, language, builder::meson, "x");
      const std::string& text = files.at("x_test.cpp");
      const std::size_t begin = text.find("int main()");
      REQUIRE(begin != text.npos);
      return text.substr(begin);
    };
    if (kind.name != "actor") CHECK(checks("c") == checks("cpp"));
  }
}
