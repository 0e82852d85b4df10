// SPDX-License-Identifier: MIT
// Tests that secrets replace their markers in args, and that every kind of child finds its markers.
#include "node/changes/secret_args.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <coppice/etf/text.hpp>
#include <fstream>

#include "behaviours/supervision/child_kind.hpp"
#include "node/assembly/assemble.hpp"
#include "spec/load.hpp"
#include "spec/schema/secrets.hpp"
#include "temporary_folder.hpp"

using namespace coppice;

namespace {

std::string write(const test::temporary_folder& folder, const std::string& name, const std::string& text) {
  const std::string path = folder.path() + "/" + name;
  std::ofstream(path) << text;
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  return path;
}

} // namespace

TEST_CASE("each marker gives way to the text of its file, a binary, and nothing else of args changes") {
  test::temporary_folder folder;
  const std::string one = write(folder, "one", "first\n"), two = write(folder, "two", "2");
  const auto term = etf::parse("#{a => #{'$file' => <<\"" + one + "\">>}, b => [x, #{'$file' => <<\"" + two +
                               "\">>}], c => #{'$file' => <<\"" + one + "\">>}, d => 4.5}");
  REQUIRE(term);
  auto found = spec::find_secrets(*term);
  REQUIRE(found);
  base::secrets but_the_last = *found;
  but_the_last.all.pop_back();
  const auto read = node::read_secrets(runtime::message::copy_of(*term), but_the_last);
  REQUIRE(read);
  CHECK(etf::print(read->args.bytes()) ==
        "#{a => <<\"first\">>,b => [x,<<\"2\">>],c => #{'$file' => <<\"" + one + "\">>},d => 4.5}");
  REQUIRE(read->secrets->all.size() == 2);
  CHECK(read->secrets->are_read);
  const base::secret& second = read->secrets->all[1];
  CHECK(etf::print(read->args.bytes().subspan(second.offset, second.size)) == "<<\"2\">>");
}

TEST_CASE("a file that is not there is named, and nothing is made") {
  const auto term = etf::parse(R"(#{a => #{'$file' => <<"/nowhere/at/all">>}})");
  const auto found = spec::find_secrets(*term);
  const auto read = node::read_secrets(runtime::message::copy_of(*term), *found);
  REQUIRE_FALSE(read);
  CHECK(read.error().text == "args.a: open /nowhere/at/all: No such file or directory");
}

TEST_CASE("every kind of child with args knows its secrets") {
  test::temporary_folder folder;
  const std::string args = "args: { password: { $file: " + write(folder, "p", "hunter2") + " } }";
  spec::load_options options;
  options.plugins = false;
  const auto loaded = spec::load_text(
      "node: { name: n@h }\napplications:\n  - name: a\n    supervisor:\n      children:\n"
      "        - { id: plain, actor: x, " +
          args +
          " }\n"
          "        - { id: pool, pool: { actor: x, size: 2, " +
          args +
          " } }\n"
          "        - { id: tcp, tcp: { listen: [ { address: 127.0.0.1, port: 0 } ], actor: x, " +
          args +
          " } }\n"
          "        - { id: kept, tcp: { connect: { address: 127.0.0.1, port: 1 }, actor: x, " +
          args +
          " } }\n"
          "        - { id: udp, udp: { listen: [ { address: 127.0.0.1, port: 0 } ], actor: x, " +
          args +
          " } }\n"
          "        - { id: port, port: { command: [ /bin/cat ], actor: x, " +
          args +
          " } }\n"
          "        - { id: events, event_manager: { handlers: [ { id: h, actor: x, " +
          args +
          " } ] } }\n"
          "        - { id: web, web: { listen: [ { address: 127.0.0.1, port: 0 } ],\n"
          "            routes: [ { path: /, actor: x, upgrade: websocket, " +
          args +
          " } ] } }\n"
          "        - { id: consumers, consumer_supervisor: { subscribe_to: [ { to: y } ], template: { actor: "
          "x, " +
          args + " } } }\n",
      "node.yaml", folder.path(), options);
  REQUIRE_MESSAGE(loaded.spec, spec::render(loaded.diagnostics));
  const auto made = node::applications(*loaded.spec);
  const auto& children = made.at(0).top->children;
  REQUIRE(children.size() == 9);
  CHECK(children[0]->secrets);
  for (const auto& worker : children[1]->supervisor->children) CHECK(worker->secrets);
  CHECK(behaviours::actors_of(*children[2]).at(0).secrets);
  for (const std::size_t i : {3, 4, 5}) CHECK_MESSAGE(children[i]->secrets, i);
  for (const std::size_t i : {6, 7}) CHECK_MESSAGE(behaviours::actors_of(*children[i]).at(0).secrets, i);
  CHECK(children[8]->supervisor->children.front()->secrets);
}
