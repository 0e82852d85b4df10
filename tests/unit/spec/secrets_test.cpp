// SPDX-License-Identifier: MIT
// Tests of markers of secrets in args: which are accepted, where they are found again, and that only markers
// are
// printed.
#include "spec/schema/secrets.hpp"
#include "spec/child_secrets.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <coppice/etf/text.hpp>
#include <fstream>

#include "fixture.hpp"
#include "spec/diff.hpp"
#include "spec/schema/args_schema.hpp"

using namespace coppice;

namespace {

// A child of the plugin `pair`. Its actor's schema requires a text as `to` and accepts any other key.
std::string child(const std::string& args) {
  return "        - { id: p, actor: 'pair:second', args: " + args + " }\n";
}

std::string secret_file(const test::spec_folder& folder, mode_t mode) {
  const std::string path = folder.path() + "/password";
  std::ofstream(path) << "hunter2\n";
  REQUIRE(chmod(path.c_str(), mode) == 0);
  return path;
}

const spec::child_spec& only_child(const spec::outcome& loaded) {
  REQUIRE(loaded.spec);
  return loaded.spec->applications.at(0).supervisor.children.at(0);
}

} // namespace

TEST_CASE("a marker stands for a text at any depth of args, and is all that is kept and printed") {
  test::spec_folder folder;
  const std::string path = secret_file(folder, 0640);
  const auto loaded = folder.load_tree(
      child("{ to: { $file: " + path + " }, list: [ 1, { deep: { $credential: db } } ], plain: { a: b } }"));
  CHECK(spec::render(loaded.diagnostics) == "");
  const spec::child_spec& made = only_child(loaded);
  CHECK(spec::secret_files(*loaded.spec) == std::set<std::string>{path});
  const auto found = spec::find_secrets(made.args);
  REQUIRE(found);
  REQUIRE(found->all.size() == 2);
  CHECK_FALSE(found->are_read);
  using source = base::secret::source;
  CHECK(found->all[0].from == source::file);
  CHECK(found->all[0].name == path);
  CHECK(found->all[0].at == "args.to");
  CHECK(found->all[1].from == source::credential);
  CHECK(found->all[1].name == "db");
  CHECK(found->all[1].at == "args.list[1].deep");
  const auto marker = std::span(made.args).subspan(found->all[1].offset, found->all[1].size);
  CHECK(etf::print(marker) == R"(#{'$credential' => <<"db">>})");
  const std::string printed = spec::effective_yaml(*loaded.spec);
  CHECK(printed.find("$file") != std::string::npos);
  CHECK(printed.find("hunter2") == std::string::npos);
  const auto again = folder.load(printed);
  CHECK(only_child(again).args == made.args);
}

TEST_CASE("args without a marker have no secrets") {
  test::spec_folder folder;
  const auto loaded = folder.load_tree(child("{ to: '$file', other: { file: /etc/passwd } }"));
  CHECK(spec::find_secrets(only_child(loaded).args) == nullptr);
  CHECK(spec::find_secrets({}) == nullptr);
}

TEST_CASE("a marker that is none, or stands where none may, is an error") {
  test::spec_folder folder;
  struct row {
    std::string args;
    const char* says;
  };
  const row rows[] = {
      {"{ to: { $file: password } }", "args.to.$file: must be an absolute path"},
      {"{ to: { $file: [ /x ] } }", "args.to.$file: expected the path of a file"},
      {"{ to: { $file: '' } }", "args.to.$file: expected the path of a file"},
      {"{ to: { $credential: 5 } }", "args.to.$credential: expected the name of a credential"},
      {"{ to: { $credential: ../x } }", "args.to.$credential: must be a credential's name"},
      {"{ to: { $credential: .. } }", "args.to.$credential: must be a credential's name"},
      {"{ to: { $file: /x, $credential: y } }", "args.to: a secret is a map with one key"},
      {"{ to: ab, list: [ { $file: /x, more: 1 } ] }", "args.list[0]: a secret is a map with one key"},
      {"{ $file: /x }", "args: a secret stands for one value in args"},
  };
  for (const row& each : rows) {
    const std::string text = folder.tree_errors(child(each.args));
    CHECK_MESSAGE(text.find(each.says) != std::string::npos, each.args, ": ", text);
  }
  const std::string kv =
      folder.tree_errors("        - { id: k, actor: kv, args: { max_entries: { $file: /x } } }\n");
  CHECK(kv.find("args.max_entries: expected a whole number, found a secret") != std::string::npos);
  const std::string env = folder.errors(
      "node: { name: n@h }\napplications:\n  - { name: a, supervisor: {}, env: { x: { $file: /x } } }\n");
  CHECK_MESSAGE(env.find("'$file': a secret can stand only in the args of children") != std::string::npos,
                env);
}

TEST_CASE("a file that an actor could not be started with is a warning at its line") {
  test::spec_folder folder;
  const std::string none = folder.path() + "/none";
  const std::string missing = folder.tree_errors(child("{ to: { $file: " + none + " } }"));
  CHECK(missing.find("node.yaml:10:") == 0);
  CHECK(missing.find("warning: args.to: there is no file " + none) != std::string::npos);
  const std::string open = folder.tree_errors(child("{ to: { $file: " + secret_file(folder, 0644) + " } }"));
  CHECK(open.find("warning: args.to: every user of the machine may access") != std::string::npos);
  const std::string is_folder = folder.tree_errors(child("{ to: { $file: " + folder.path() + " } }"));
  CHECK(is_folder.find("is no regular file") != std::string::npos);
  const std::string empty = folder.write("empty", "");
  REQUIRE(::chmod(empty.c_str(), 0600) == 0);
  CHECK(folder.tree_errors(child("{ to: { $file: " + empty + " } }"))
            .find("warning: args.to: file: " + empty + ": is empty") != std::string::npos);
  CHECK(folder.tree_errors(child("{ to: { $credential: db } }")) == "");
}

TEST_CASE("what a file says is no part of a comparison, its name is") {
  test::spec_folder folder;
  const std::string path = secret_file(folder, 0600);
  const auto before = folder.load_tree(child("{ to: { $file: " + path + " } }"));
  std::ofstream(path) << "other\n";
  const auto same = folder.load_tree(child("{ to: { $file: " + path + " } }"));
  const auto other = folder.load_tree(child("{ to: { $credential: db } }"));
  CHECK(only_child(before).args == only_child(same).args);
  CHECK(only_child(before).args != only_child(other).args);
  CHECK(before.spec->applications[0].supervisor.prints == same.spec->applications[0].supervisor.prints);
}

TEST_CASE("a term's marker is taken for any text, and a secret that is read never stands in a finding") {
  const auto schema = spec::args_schema::compile(
      R"({"type":"object","properties":{"a":{"type":"string","minLength":4},"b":{"enum":["x"]},
          "c":{"type":"integer"}}})");
  REQUIRE(schema);
  const auto check = [&](const char* text, base::secrets of) {
    const auto term = etf::parse(text);
    REQUIRE(term);
    const auto good = schema->check(*term, spec::args_schema::part::whole, &of);
    return good ? std::string() : good.error().text;
  };
  const auto places = [](const char* text) {
    const auto term = etf::parse(text);
    const auto found = spec::find_secrets(*term);
    REQUIRE(found);
    return *found;
  };
  for (const char* text : {"#{a => #{'$file' => <<\"/x\">>}}", "#{b => #{'$file' => <<\"/x\">>}}"})
    CHECK(check(text, places(text)) == "");
  const char* const number = "#{c => #{'$file' => <<\"/x\">>}}";
  CHECK(check(number, places(number)) == "args.c: the secret is not of the type the schema wants");
  CHECK(check("#{a => #{'$file' => <<\"/x\">>}}", {}) != "");
  // The value begins at byte 8: five bytes of the map's head, three of the key 'a' (119, 1, 97).
  base::secrets read{{{base::secret::source::file, "/x", "args.b", 8, 0}}, true};
  CHECK(check("#{a => <<\"abc\">>}", read).find("args.a: has 3 characters") == 0);
  CHECK(check("#{b => <<\"hunter2\">>}", read) ==
        "args.b: the secret is none of the values the schema allows");
  CHECK(check("#{c => <<\"hunter2\">>}", read) == "args.c: the secret is not of the type the schema wants");
  // One map deeper: the key 'k' begins five bytes after the beginning of the inner map.
  const base::secrets deeper{{{base::secret::source::file, "/x", "args.c.k", 8 + 5 + 3, 0}}, true};
  CHECK(check("#{c => #{k => <<\"hunter2\">>}}", deeper) ==
        "args.c: what has a secret in it is not of the type the schema wants");
  CHECK(check("#{b => #{k => <<\"hunter2\">>}}", deeper) ==
        "args.b: what has a secret in it is none of the values the schema allows");
}

TEST_CASE(
    "once a secret is read it alone is checked, since YAML may have what a check of the whole refuses") {
  const auto schema = spec::args_schema::compile(
      R"({"type":"object","required":["b"],"additionalProperties":false,"properties":{
          "a":{"type":"object","properties":{"key":{"type":"string","minLength":4},"n":{"type":"integer"}}},
          "b":{"enum":["x"],"default":"y"}}})");
  REQUIRE(schema);
  using part = spec::args_schema::part;
  const auto check = [&](const char* text, part what) {
    const auto term = etf::parse(text);
    REQUIRE(term);
    // Map heads have five bytes each (116, 4 bytes), the keys 'a' and 'key' three and five bytes.
    const base::secrets read{{{base::secret::source::file, "/x", "args.a.key", 8 + 5 + 5, 0}}, true};
    const auto good = schema->check(*term, what, &read);
    return good ? std::string() : good.error().text;
  };
  const char* const as_yaml_has_it = "#{a => #{key => <<\"hunter2\">>, n => 1.0e16}, b => <<\"y\">>}";
  CHECK(check(as_yaml_has_it, part::whole) != "");
  CHECK(check(as_yaml_has_it, part::secrets) == "");
  CHECK(check("#{a => #{key => <<\"abc\">>, n => 1.0e16}, b => <<\"y\">>}", part::secrets)
            .find("args.a.key: has 3") == 0);
  CHECK(check("#{a => #{key => 5, n => 1}}", part::secrets) ==
        "args.a.key: the secret is not of the type the schema wants");
}
