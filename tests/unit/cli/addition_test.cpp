// SPDX-License-Identifier: MIT
// Tests of additions to a project: they make what init makes at once, and change nothing that is there.
#include "cli/addition.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "cli/init_project.hpp"
#include "cli/list_edit.hpp"
#include "cli/templates.hpp"

using namespace coppice::cli;

namespace {

using all_options = std::vector<init_option>;

// A project as init makes it, to which additions are made.
struct project {
  new_files files;

  explicit project(all_options options, const std::string& node = "shop")
      : files(project_files({node, std::move(options), false, "x"}).value()) {}

  project_texts texts() const {
    const auto named = [this](const char* path) { return project_file{path, files.at(path)}; };
    return {named("config/shop.yaml"), named("meson.build"), named("tests/tree.sh")};
  }
  std::vector<std::string> add(const char* kind, const std::string& text) {
    const auto done = plan_addition({kind, text}, texts());
    if (!done) return done.error();
    if (!done->by_hand.empty()) return {"by hand: " + done->by_hand.front().lines};
    for (const project_file& one : done->edits) files[one.path] = one.text;
    for (const auto& [path, text_of] : done->plugin)
      files["plugins/" + done->entry.name + "/" + path] = text_of;
    return {};
  }
  std::string& configuration() { return files.at("config/shop.yaml"); }
};

bool says(const std::vector<std::string>& all, const char* part) {
  return std::ranges::any_of(all,
                             [part](const std::string& one) { return one.find(part) != std::string::npos; });
}

} // namespace

TEST_CASE("what init makes at once is what it makes of a part and add of the rest") {
  std::vector<init_option> options{
      {"app", "store{type:transient}"},     {"sup", "store:front{strategy:one_for_all}"},
      {"actor", "front:z{args:{start:5}}"}, {"sup", "front:inner"},
      {"logger", "errors{level:error}"},    {"cron", "nightly{at:@daily,to:z,message:go}"},
      {"events", "orders{buffer:7}"}};
  for (const template_kind& kind : template_kinds()) options.push_back({kind.name, "inner:a-" + kind.name});
  const project whole(options);
  project grown(all_options{{"app", "store{type:transient}"}});
  for (auto one = options.begin() + 1; one != options.end(); ++one) {
    CAPTURE(shown_option(*one));
    CHECK(grown.add(one->option.c_str(), one->text) == std::vector<std::string>());
    const new_files before = grown.files;
    CHECK(grown.add(one->option.c_str(), one->text) == std::vector<std::string>()); // no change
    CHECK(grown.files == before);
  }
  // The sections are in a different order.
  CHECK(read_yaml(grown.configuration()).value() == read_yaml(whole.files.at("config/shop.yaml")).value());
  for (const auto& one : whole.files) {
    CAPTURE(one.first);
    if (one.first != "config/shop.yaml") CHECK(grown.files.at(one.first) == one.second);
  }
}

TEST_CASE(
    "what names no parent goes into the application of the node's name, which is made where it is missing") {
  project one(all_options{{"app", "other"}});
  CHECK(one.add("actor", "cart").empty());
  CHECK(one.add("actor", "audit").empty());
  CHECK(one.add("actor", "cart").empty());
  const auto tree = read_yaml(one.configuration()).value()["applications"];
  CHECK(tree.size() == 2);
  CHECK(tree[1]["name"] == "shop");
  CHECK(tree[1]["supervisor"]["children"].size() == 2);
}

TEST_CASE("a configuration that people have written is read as it is") {
  project one(all_options{});
  one.configuration() =
      "# mine\nnode: { name: shop@h }\napplications:\n  - name: Main\n    supervisor: # top\n"
      "      children: [ { id: x, supervisor: { name: Deep, children: [] } } ] # here\n";
  CHECK(one.add("actor", "Deep:cart").empty());
  CHECK(one.configuration() ==
        "# mine\nnode: { name: shop@h }\napplications:\n  - name: Main\n    supervisor: # top\n"
        "      children: [ { id: x, supervisor: { name: Deep, children: [ { id: cart, name: cart, actor: "
        "cart } ] } } ] # here\n");
  CHECK(one.add("sup", "Main:s").empty());
  CHECK(says(one.add("actor", "deep:y"), "there is no application or supervisor deep in config/shop.yaml"));
}

TEST_CASE("all that is wrong is told at once") {
  project one(all_options{{"sup", "front"}, {"actor", "front:cart"}});
  const auto all = one.add("tcp", "frnt:for{lnag:c,port:0}");
  CHECK(says(all, "did you mean 'front'?"));
  CHECK(says(all, "no word of C or C++"));
  CHECK(says(all, "did you mean 'lang'?"));
  CHECK(says(all, "port wants"));
  CHECK(says(one.add("actor", "front:x{lang:5}"), "lang wants c, cpp or rust, not 5"));
  CHECK(says(one.add("logger", "x{path:5}"), "path wants a file's path"));
  CHECK(says(one.add("actor", "front:x{args:{a:\"\x7f\"}}"), "the control character DEL"));
  CHECK(says(one.add("actr", "x:for"), "did you mean 'actor'?"));
  CHECK(says(one.add("actr", "x:for"), "no word of C"));
  CHECK(says(one.add("actor", "front:cart{args:{x:1}}"), "cart is there already, in config/shop.yaml"));
  CHECK(says(one.add("web", "front:x{"), "quotes keep them"));
  CHECK(says(one.add("app", "front"), "front is there already"));
  CHECK(says(one.add("app", "a:b"), "it has no parent"));
  CHECK(says(one.add("actor", "front:cart{lang:c}"), "the plugin cart is there already, in cpp"));
  one.configuration() =
      "applications:\n  - name: a\n    supervisor: { strategy: simple_one_for_one, children: [] }\n";
  CHECK(says(one.add("actor", "a:x"), "simple_one_for_one"));
  one.configuration() += "\tx";
  CHECK(says(one.add("actor", "a:x"), "config/shop.yaml:4:"));
}

TEST_CASE("lines for what cannot be edited") {
  project one(all_options{{"sup", "front"}});
  const std::string written = one.configuration();
  one.configuration() =
      "all: &all []\napplications:\n  - name: shop\n    supervisor:\n      children: *all\n";
  CHECK(one.add("actor", "cart") ==
        std::vector<std::string>{"by hand: - { id: cart, name: cart, actor: cart }\n"});
  one.configuration() = written;
  for (const char* build :
       {"plugins = get_option('plugins')\n", "plugins = {name: 'c'}\n", "plugins = {'a': 'c'\n", ""}) {
    CAPTURE(build);
    one.files["meson.build"] = build;
    CHECK(one.add("actor", "cart") == std::vector<std::string>{"by hand: 'cart': 'cpp',\n"});
  }
  one.files["meson.build"] = "plugins = { # of the shop\n  'a': 'c', # it's one\n}\n";
  one.files["tests/tree.sh"] = "mine";
  CHECK(one.add("actor", "cart").empty());
  CHECK(one.files["meson.build"] ==
        "plugins = { # of the shop\n  'a': 'c', # it's one\n  'cart': 'cpp',\n}\n");
  CHECK(one.files["tests/tree.sh"] == "mine");
}
