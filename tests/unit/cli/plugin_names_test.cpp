// SPDX-License-Identifier: MIT
// Tests of plugin names as people write them, and of the errors for names that are not possible.
#include "cli/plugin_names.hpp"

#include <doctest/doctest.h>

#include "spec/schema/names.hpp"

using namespace coppice::cli;

TEST_CASE("a name becomes lower case with underscores") {
  const std::pair<const char*, const char*> cases[] = {{"my_actor", "my_actor"},
                                                       {"my-actor", "my_actor"},
                                                       {"My Actor", "my_actor"},
                                                       {"MyActor", "my_actor"},
                                                       {"HTTPServer", "http_server"},
                                                       {"cart2Items", "cart2_items"},
                                                       {"a.b", "a_b"},
                                                       {"a - b", "a_b"},
                                                       {"-cart-", "cart"},
                                                       {"X", "x"},
                                                       {"CART", "cart"},
                                                       {"audit_Log", "audit_log"}};
  for (const auto& one : cases) {
    CAPTURE(one.first);
    CHECK(plugin_name_of(one.first) == one.second);
    CHECK(check_plugin_name(one.first).empty());
    CHECK(plugin_name_of(one.second) == one.second);
  }
}

TEST_CASE("what can be no name is told with the reason") {
  const std::pair<std::string, const char*> cases[] = {{"", "must have a letter"},
                                                       {"--", "must have a letter"},
                                                       {"../x", "must be a name and no path"},
                                                       {"a/b", "must be a name and no path"},
                                                       {"gr\xc3\xbc\xc3\x9f", "not '\xc3\xbc'"},
                                                       {"a'b", "not '''"},
                                                       {"a\nb", "not '\n'"},
                                                       {"9lives", "must begin with a letter"},
                                                       {"--observer", "must begin with a letter"},
                                                       {"for", "no word of C or C++"},
                                                       {"Class", "no word of C or C++"},
                                                       {"co-await", "no word of C or C++"},
                                                       {"receive", "no word of Erlang"},
                                                       {"null", "names nothing in a configuration"},
                                                       {"Undefined", "names nothing in a configuration"},
                                                       {"test", "that a build tool has for itself"},
                                                       {"edit-cache", "that a build tool has for itself"},
                                                       {"distcheck", "that a build tool has for itself"},
                                                       {std::string(300, 'a'), "at most 64 bytes, not 300"}};
  for (const auto& one : cases) {
    CAPTURE(one.first);
    const auto wrong = check_plugin_name(one.first);
    REQUIRE(wrong.size() == 1);
    CHECK(wrong[0].find(one.second) != std::string::npos);
  }
}

TEST_CASE("a name may be as long as a configuration takes it") {
  for (const std::size_t size : {1u, 64u, 65u}) {
    CAPTURE(size);
    const std::string name(size, 'a');
    CHECK(check_plugin_name(name).empty() == coppice::spec::check_actor(name).empty());
    CHECK(check_plugin_name(name).empty() == (size < 65));
  }
}

TEST_CASE("all that is wrong with a name is told at once") {
  CHECK(check_plugin_name("9/\xc3\xbc" + std::string(300, 'a')).size() == 4);
}
