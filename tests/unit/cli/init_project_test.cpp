// SPDX-License-Identifier: MIT
// Tests of the tree that init's options make, and that all mistakes in them are reported at once.
#include "cli/init_project.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "cli/templates.hpp"

using namespace coppice::cli;

namespace {

std::string configuration(const init_request& wanted) {
  const auto files = project_files(wanted);
  REQUIRE(files);
  return files->at("config/" + alive_of(wanted.node) + ".yaml");
}
std::vector<std::string> wrong(std::vector<init_option> options, const std::string& node = "shop") {
  const auto files = project_files({node, std::move(options), false, ""});
  return files ? std::vector<std::string>() : files.error();
}
bool says(const std::vector<std::string>& all, const char* part) {
  return std::ranges::any_of(all,
                             [part](const std::string& one) { return one.find(part) != std::string::npos; });
}

} // namespace

TEST_CASE("children stand below their parents in the order in which they are given") {
  const std::string text = configuration({"shop",
                                          {{"app", "Store{type:temporary}"},
                                           {"sup", "store:front{strategy:one_for_all,intensity:0,period:1m}"},
                                           {"actor", "front:z{args:{start:5}}"},
                                           {"actor", "front:a"}},
                                          false,
                                          ""});
  CHECK(text.find("  name: shop@127.0.0.1\n") != std::string::npos);
  CHECK(
      text.ends_with("applications:\n"
                     "  - name: store\n"
                     "    type: temporary\n"
                     "    supervisor:\n"
                     "      strategy: one_for_one\n"
                     "      intensity: 3\n"
                     "      period: 5s\n"
                     "      children:\n"
                     "        - id: front\n"
                     "          supervisor:\n"
                     "            name: front\n"
                     "            strategy: one_for_all\n"
                     "            intensity: 0\n"
                     "            period: 1m\n"
                     "            children:\n"
                     "              - { id: z, name: z, actor: z, args: {\"start\":5} }\n"
                     "              - { id: a, name: a, actor: a }\n"));
}

TEST_CASE("a router has a route to the process that it is to lead to, and its arguments") {
  const std::string text =
      configuration({"shop", {{"router", "front{to:cart,args:{x:1}}"}, {"actor", "cart"}}, false, ""});
  CHECK(text.find("actor: front, args: {\"x\":1,\"to\":\"store\"}, router: { routes: [ { name: store, to: "
                  "\"cart\" } ], on_failed: reply } }\n") != std::string::npos);
}

TEST_CASE("a replicated state machine is a group of this node alone, or has the members that are given") {
  const auto has = [](const std::string& node, const std::string& options, const char* line) {
    return configuration({node, {{"raft", "sums" + options}}, false, ""}).find(line) != std::string::npos;
  };
  CHECK(has("shop", "",
            "{ id: sums, name: sums, actor: sums, raft: { members: [\"sums@shop@127.0.0.1\"] } }\n"));
  CHECK(has("a@10.0.0.1", "{members:[sums@a@10.0.0.1,sums@b@10.0.0.2]}",
            "raft: { members: [\"sums@a@10.0.0.1\",\"sums@b@10.0.0.2\"] } }\n"));
  CHECK(says(wrong({{"raft", "sums{members:x}"}}), "members wants a list in brackets"));
  CHECK(says(wrong({{"raft", "sums{members:[]}"}}), "members wants a list in brackets"));
}

TEST_CASE("what has no parent goes into an application of the node's name") {
  const std::string text =
      configuration({"My-Shop@10.0.0.1", {{"app", "other"}, {"actor", "cart"}}, true, ""});
  CHECK(text.find("  name: My-Shop@10.0.0.1\n") != std::string::npos);
  CHECK(text.find("  - name: my_shop\n") != std::string::npos);
  CHECK(text.find("port: 9911") != std::string::npos);
  CHECK(configuration({"shop", {}, false, ""}).find("      children: []\n") != std::string::npos);
}

TEST_CASE("names that a configuration cannot have are refused") {
  for (const char* name : {"null", "Null", "undefined"})
    for (const char* kind : {"app", "sup", "actor", "events"}) {
      CAPTURE(name);
      CAPTURE(kind);
      CHECK(says(wrong({{kind, name}}), "names nothing in a configuration"));
    }
  for (const char* node : {"null", "true", "False"}) {
    CAPTURE(node);
    CHECK(says(wrong({}, node), "is no text in YAML"));
    CHECK(says(wrong({{"actor", "a"}}, node), "is no text in YAML"));
    CHECK(wrong({{"app", "shop"}, {"actor", "shop:a"}}, node).empty());
  }
}

TEST_CASE("each kind has a plugin, in each of its languages") {
  for (const template_kind& kind : template_kinds()) {
    for (const std::string& language : kind.languages) {
      CAPTURE(kind.name);
      CAPTURE(language);
      const auto files = project_files({"shop", {{kind.name, "cart{lang:" + language + "}"}}, false, ""});
      REQUIRE(files);
      CHECK(
          files->contains(language == "rust" ? "plugins/cart/src/lib.rs" : "plugins/cart/cart." + language));
      CHECK(files->contains("plugins/cart/cart_test.cpp") == (language != "rust"));
      CHECK(files->at("meson.build").find("plugins = {'cart': '" + language + "'}") != std::string::npos);
      for (const auto& one : *files) {
        CAPTURE(one.first);
        if (!one.first.ends_with(".schema.json")) CHECK(one.second.find("my_") == std::string::npos);
      }
    }
  }
}

TEST_CASE("all that is wrong is told at once") {
  const auto all = wrong({{"actor", "for"},
                          {"actor", "cart{lnag:c}"},
                          {"pool", "p{size:none}"},
                          {"tcp", "t{lang:rust}"},
                          {"web", "w{port:70000}"},
                          {"sup", "s{strategy:none}"},
                          {"app", "a:b"},
                          {"cron", "c{at:x}"},
                          {"actor", "x{"}},
                         "no/node");
  CHECK(says(all, "the node's name 'no/node' must"));
  CHECK(says(all, "no word of C or C++"));
  CHECK(says(all, "did you mean 'lang'?"));
  CHECK(says(all, "there is no template of tcp in rust: its languages are c, cpp"));
  CHECK(says(all, "size wants a number from 1 on, not \"none\""));
  CHECK(says(all, "port wants a number from 1 to 65535, not 70000"));
  CHECK(says(all, "strategy wants one_for_one"));
  CHECK(says(all, "it has no parent"));
  CHECK(says(all, "'to' is missing"));
  CHECK(says(all, "quotes keep them"));
}

TEST_CASE(
    "a parent is there, is one that can have children, and is not below itself; two names do not become "
    "one") {
  CHECK(says(wrong({{"sup", "front"}, {"actor", "frnt:cart"}}), "did you mean 'front'?"));
  CHECK(says(wrong({{"actor", "cart"}, {"actor", "cart:x"}}), "there is no application or supervisor cart"));
  CHECK(says(wrong({{"sup", "b:a"}, {"sup", "a:b"}}), "cannot be below itself"));
  CHECK(says(wrong({{"sup", "a:a"}}), "cannot be below itself"));
  CHECK(
      says(wrong({{"web", "desk"}, {"actor", "desk-site"}}), "desk_site is there already, by --web 'desk'"));
  CHECK(says(wrong({{"actor", "my-cart"}, {"web", "MyCart"}}),
             "my_cart is there already, by --actor 'my-cart'"));
}
