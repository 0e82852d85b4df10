// SPDX-License-Identifier: MIT
// Tests that a file of init has the same effect as the same options on the command line.
#include "cli/init_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "cli/init_project.hpp"

using namespace coppice::cli;

TEST_CASE("a file makes the project that the same options make") {
  const auto read = read_init_file(
      "# the shop\n- node: shop\n- observer: true\n- sup: front{strategy:one_for_all}\n- actor: front:cart\n "
      " args: { start: 2 }\n"
      "- { web: desk, port: 8081, tls: true }\n- { port: \"front:sed\", command: [/bin/cat] }\n"
      "- { cron: n, at: \"@daily\", to: cart, message: \"{go, 1}\" }\n");
  REQUIRE(read.wrong.empty());
  CHECK(read.node == "shop");
  CHECK(read.observer);
  const std::vector<init_option> same{{"sup", "front{strategy:one_for_all}"},
                                      {"actor", "front:cart{args:{start:2}}"},
                                      {"web", "desk{port:8081,tls}"},
                                      {"port", "front:sed{command:[/bin/cat]}"},
                                      {"cron", "n{at:@daily,to:cart,message:\"{go, 1}\"}"}};
  CHECK(project_files({"shop", read.options, true, "x"}).value() ==
        project_files({"shop", same, true, "x"}).value());
  CHECK(project_files({"shop", same, true, "x"}).value().at("config/shop.yaml").find("port: 8081, tls: on") !=
        std::string::npos);
}

TEST_CASE("all that is wrong with a file is told at once") {
  const std::pair<const char*, const char*> cases[] = {
      {"- actr: x\n", "entry 1: there is no option actr: did you mean 'actor'?"},
      {"- actor: x\n- actor: 5\n", "entry 2: actor must be a text"},
      {"- observer\n", "entry 1: it must be a map"},
      {"- observer: 1\n", "true or false"},
      {"- node: a\n- node: b\n", "node is there twice"},
      {"- node: a\n  actor: b\n", "node has no other keys"},
      {"actor: x\n", "it must be a list"},
      {"- [\n", "not YAML"},
      {"", "it must be a list"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.first);
    const auto read = read_init_file(one.first);
    REQUIRE(!read.wrong.empty());
    CAPTURE(read.wrong.front());
    CHECK(read.wrong.front().find(one.second) != std::string::npos);
  }
  CHECK(read_init_file("- actr: x\n- actor: 5\n").wrong.size() == 2);
  CHECK_FALSE(read_init_file("- [\n").is_list);
  const auto rest = read_init_file("- node: shop\n- actr: x\n- actor: for\n");
  CHECK(rest.is_list);
  CHECK(rest.wrong.size() == 1);
  CHECK(rest.node == "shop");
  CHECK(rest.options.size() == 1);
  // A key that the braces have, too, is an error.
  const auto read = read_init_file("- actor: x{lang:c}\n  lang: cpp\n");
  REQUIRE(read.wrong.empty());
  const auto made = project_files({"shop", read.options, false, "x"});
  REQUIRE(!made);
  CHECK(made.error().front().find("'lang' is there twice") != std::string::npos);
}
