// SPDX-License-Identifier: MIT
// Tests how a good configuration is read: defaults, paths, names, order, overrides, several files.
#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice;

namespace {

spec::node_spec good(spec::outcome result) {
  CHECK(spec::render(result.diagnostics) == "");
  REQUIRE(result.spec);
  return std::move(*result.spec);
}

} // namespace

TEST_CASE("every default is the struct's own") {
  test::spec_folder folder;
  auto spec = good(folder.load("node: { name: n@h }\n"));
  CHECK(spec.node.name == "n@h");
  CHECK_FALSE(spec.node.long_names);
  CHECK_FALSE(spec.node.workers);
  CHECK(spec.node.runtime.park == spec::milliseconds(1000));
  CHECK(spec.node.limits.memory == spec::memory_limit{75, 0});
  CHECK(spec.distribution.listen.size() == 1);
  CHECK(spec.distribution.listen[0].ports == spec::port_range{15000, 65000});
  CHECK(spec.distribution.allow.rpc == std::vector<std::string>{"info"});
  CHECK(spec.control.mode == 0660u);
  CHECK(spec.control.socket == "auto");
  CHECK(spec.plugins.path == std::vector<std::string>{"/usr/lib/coppice/plugins"});
  CHECK(spec.applications.empty());
  CHECK(spec.files == std::vector<std::string>{"node.yaml"});
}

TEST_CASE(
    "plugins are looked for where they are installed, whatever the prefix, unless the file says where") {
  test::spec_folder folder;
  const auto path = [&](const std::string& program, const std::string& more = "") {
    return good(folder.load("node: { name: n@h }\n" + more, {.program = program})).plugins.path;
  };
  using list = std::vector<std::string>;
  CHECK(path("/usr/bin/coppiced") == list{"/usr/lib/coppice/plugins"});
  CHECK(path("/opt/coppice/bin/coppice") == list{"/opt/coppice/lib/coppice/plugins"});
  CHECK(path("/home/me/coppice/build/release/daemon/coppiced") == list{"/usr/lib/coppice/plugins"});
  CHECK(path("/opt/coppice/bin/coppiced", "plugins: { watch: true }\n") ==
        list{"/opt/coppice/lib/coppice/plugins"});
  CHECK(path("/opt/coppice/bin/coppiced", "plugins: { path: [ /usr/lib/coppice/plugins ] }\n") ==
        list{"/usr/lib/coppice/plugins"});
}

TEST_CASE("a name without a host takes the machine's, and addresses follow the host") {
  test::spec_folder folder;
  CHECK(good(folder.load("node: { name: n }\n", {.host = "box"})).node.name == "n@box");
  CHECK(good(folder.load("node: { name: n }\n", {.name = "m@127.0.0.1"})).node.name == "m@127.0.0.1");
  CHECK(good(folder.load("", {.name = "m@box.example.org"})).node.long_names);
  auto local = good(folder.load("node: { name: n@127.0.0.1 }\n"));
  CHECK(local.distribution.listen[0].address == "127.0.0.1");
  CHECK(local.epmd.address == "127.0.0.1");
  CHECK(good(folder.load("node: { name: n@box }\n")).epmd.address == "0.0.0.0");
}

TEST_CASE("relative paths start at the file, absolute ones stay") {
  test::spec_folder folder;
  auto spec = good(
      folder.load("node: { name: n@h, data: ../d, cookie: { file: c } }\nplugins: { path: [./p, /q/] }\n"));
  auto parent = folder.path().substr(0, folder.path().rfind('/'));
  CHECK(spec.node.data == parent + "/d");
  CHECK(spec.node.cookie.file == folder.path() + "/c");
  CHECK(spec.plugins.path == std::vector<std::string>{folder.path() + "/p", "/q"});
}

TEST_CASE("a supervision tree is read whole, with its plugins found") {
  test::spec_folder folder;
  auto spec = good(folder.load_tree(
      "        - { id: store, actor: kv, name: store, restart: transient, shutdown: brutal_kill, priority: "
      "high,\n"
      "            mailbox: { limit: 10, bytes: 1MiB, on_full: drop_old }, compression: { level: 3 } }\n"
      "        - { id: inner, supervisor: { name: inner, intensity: 7, period: 2m, children: [\n"
      "            { id: one, actor: 'pair:first', shutdown: infinity }] } }\n"));
  const auto& top = spec.applications.at(0).supervisor;
  CHECK(top.name == "top");
  CHECK(top.intensity == 1);
  REQUIRE(top.children.size() == 2);
  const auto& store = top.children[0];
  CHECK(store.plugin == "kv");
  CHECK(store.actor_type == "kv");
  CHECK(store.behaviour == "server");
  CHECK(store.restart == tree::restart_type::transient);
  CHECK(store.shutdown.how == tree::shutdown_limit::kind::brutal_kill);
  CHECK(store.priority == spec::priority::high);
  CHECK(store.mailbox.limit == 10);
  CHECK(store.mailbox.bytes == 1 << 20);
  REQUIRE(store.compression);
  CHECK(*store.compression == spec::compression_options{3, 1024});
  CHECK(store.at.line == 10);
  const auto& inner = top.children[1];
  CHECK(inner.shutdown.how == tree::shutdown_limit::kind::infinity);
  REQUIRE(inner.supervisor);
  CHECK_FALSE(inner.supervisor->children.at(0).compression);
  CHECK(inner.supervisor->intensity == 7);
  CHECK(inner.supervisor->period == spec::milliseconds(120'000));
  CHECK(inner.supervisor->children.at(0).actor_type == "first");
  REQUIRE(spec.plugin_files.size() == 2);
  CHECK(spec.plugin_files[0].id == "kv");
  CHECK(spec.plugin_files[0].path == folder.path() + "/plugins/kv.so");
}

TEST_CASE("strategies, significant children, backoffs and lifespans are read, and printed as they were") {
  test::spec_folder folder;
  auto spec =
      good(folder.load_tree("        - { id: pool, supervisor: { strategy: simple_one_for_one, children: [{ "
                            "id: w, actor: kv }] } }\n"
                            "        - id: group\n"
                            "          significant: true\n"
                            "          restart: temporary\n"
                            "          supervisor:\n"
                            "            strategy: rest_for_one\n"
                            "            auto_shutdown: all_significant\n"
                            "            children:\n"
                            "              - { id: main, actor: kv, restart: transient, significant: true, "
                            "backoff: { first: 2s } }\n"
                            "      auto_shutdown: any_significant\n"
                            "      strategy: one_for_all\n"
                            "    max_runtime: 90s\n"));
  const auto& application = spec.applications.at(0);
  CHECK(application.max_runtime == spec::milliseconds(90'000));
  CHECK(application.supervisor.strategy == tree::strategy::one_for_all);
  CHECK(application.supervisor.auto_shutdown == tree::auto_shutdown::any_significant);
  const auto& pool = *application.supervisor.children.at(0).supervisor;
  CHECK(pool.strategy == tree::strategy::simple_one_for_one);
  const auto& group = application.supervisor.children.at(1);
  CHECK(group.significant);
  CHECK(group.supervisor->strategy == tree::strategy::rest_for_one);
  CHECK(group.supervisor->auto_shutdown == tree::auto_shutdown::all_significant);
  const auto& main = group.supervisor->children.at(0);
  CHECK(main.significant);
  REQUIRE(main.backoff);
  CHECK(main.backoff->first == 2 * base::nanos_per_second);
  CHECK(main.backoff->max == 30 * base::nanos_per_second);
  const auto text = spec::effective_yaml(spec);
  CHECK(spec::effective_yaml(good(spec::load_text(text, "effective.yaml", "/"))) == text);
}

TEST_CASE("without plugins their files are not looked at") {
  test::spec_folder folder;
  auto result = folder.load(
      std::string(test::spec_folder::head) + "        - { id: a, actor: ghost:x, args: { y: 1 } }\n",
      {.plugins = false});
  auto spec = good(std::move(result));
  const auto& child = spec.applications.at(0).supervisor.children.at(0);
  CHECK(child.plugin == "ghost");
  CHECK(child.actor_type == "x");
  CHECK(child.args.size() > 5);
}

TEST_CASE("applications start after those they depend on, else as written") {
  test::spec_folder folder;
  auto spec =
      good(folder.load("node: { name: n@h }\napplications:\n"
                       "  - { name: web, depends_on: [store, log], supervisor: {} }\n"
                       "  - { name: other, supervisor: {} }\n"
                       "  - { name: store, depends_on: [log], supervisor: {} }\n"
                       "  - { name: log, type: permanent, supervisor: {} }\n"));
  std::string order;
  for (const auto& one : spec.applications) order += one.name + " ";
  CHECK(order == "log store web other ");
}

TEST_CASE("--set reaches into maps and lists, and its errors show it") {
  test::spec_folder folder;
  const std::string yaml =
      "node: { name: n@h }\napplications:\n  - name: a\n    supervisor: { children: [{ id: x, supervisor: {} "
      "}] }\n";
  auto spec =
      good(folder.load(yaml, {.set = {{"node.workers", "3"},
                                      {"node.log.level", "debug"},
                                      {"distribution.listen", "[{ ports: 7 }, { ports: 8 }]"},
                                      {"distribution.listen.1.ports", "9"},
                                      {"applications.a.supervisor.children.x.supervisor.intensity", "5"}}}));
  CHECK(spec.node.workers == 3u);
  CHECK(spec.node.log.level == base::log::level::debug);
  CHECK(spec.distribution.listen.at(1).ports == spec::port_range{9, 9});
  CHECK(spec.applications[0].supervisor.children[0].supervisor->intensity == 5);
  CHECK(folder.errors(yaml, {.set = {{"node.workers", "x"}}}) ==
        "--set node.workers:1:1: error: node.workers: expected a whole number from 1 to 1024, found 'x'\n"
        "    1 | x\n"
        "      | ^\n");
  CHECK(folder.errors(yaml, {.set = {{"applications.b.type", "permanent"}}}) ==
        "--set applications.b.type:1:1: error: the list has no element 'b'\n"
        "    1 | permanent\n"
        "      | ^\n");
  CHECK(folder.errors(yaml, {.set = {{"node.wrkers", "1"}}}).find("unknown key 'wrkers' in node") !=
        std::string::npos);
}

TEST_CASE("later files override earlier ones, and applications add up") {
  test::spec_folder folder;
  auto first = folder.write(
      "node.yaml", "node: { name: n@h, workers: 2 }\napplications:\n  - { name: a, supervisor: {} }\n");
  auto second =
      folder.write("conf.d/10-more.yaml",
                   "node: { workers: 4, data: here }\napplications:\n  - { name: b, supervisor: {} }\n");
  auto spec = good(spec::load({first, second}));
  CHECK(spec.node.name == "n@h");
  CHECK(spec.node.workers == 4u);
  CHECK(spec.node.data == folder.path() + "/conf.d/here");
  CHECK(spec.applications.size() == 2);
  CHECK(spec.files.size() == 2);
  auto third = folder.write("conf.d/20-again.yaml", "applications:\n  - { name: a, supervisor: {} }\n");
  CHECK(spec::render(spec::load({first, second, third}).diagnostics) ==
        third +
            ":2:13: error: the application 'a' stands here a second time\n"
            "    2 |   - { name: a, supervisor: {} }\n"
            "      |             ^ first on line 3 of another file\n");
}

TEST_CASE("which value took the place of which other is told, those of new keys are not") {
  test::spec_folder folder;
  folder.write("a.yaml", "node:\n  name: n@127.0.0.1\n  log: { level: info }\nepmd: { mode: off }\n");
  folder.write("b.yaml", "node:\n  log:\n    level: debug\n    format: json\nepmd:\n  port: 5000\n");
  const std::string a = folder.path() + "/a.yaml", b = folder.path() + "/b.yaml";
  const auto result = spec::load({a, b}, {.set = {{"node.log.level", "error"}, {"node.workers", "2"}}});
  REQUIRE(result.spec);
  REQUIRE(result.overridden.size() == 2);
  CHECK(result.overridden[0].path == "node.log.level");
  CHECK(result.overridden[0].by == b + ":3");
  CHECK(result.overridden[0].over == a + ":3");
  CHECK(result.overridden[1].by == "--set node.log.level:1");
  CHECK(result.overridden[1].over == b + ":3");
}

TEST_CASE("a text that cannot be read at all is the only error, for the rest lacks what stood there") {
  test::spec_folder folder;
  auto broken = folder.write("node.yaml", "node: {\n");
  auto more = folder.write("conf.d/10-more.yaml", "node: { workers: 4 }\n");
  CHECK(spec::load({broken, more}).diagnostics.size() == 1);
  CHECK(spec::load({folder.path() + "/none.yaml", more}).diagnostics.size() == 1);
  CHECK(good(spec::load({}, {.name = "n@h"})).node.name == "n@h");
  CHECK(spec::render(spec::load({}).diagnostics) == "error: the key 'node' is missing\n  the node itself\n");
}

TEST_CASE("a tree a hundred supervisors deep is read") {
  test::spec_folder folder;
  std::string inner = "{}";
  for (int i = 0; i < 100; ++i) inner = "{ children: [{ id: s, supervisor: " + inner + " }] }";
  auto spec =
      good(folder.load("node: { name: n@h }\napplications: [{ name: deep, supervisor: " + inner + " }]\n"));
  CHECK(spec.applications.size() == 1);
}

TEST_CASE("more errors than anyone reads are cut") {
  test::spec_folder folder;
  std::string yaml = "node:\n  name: n@h\n";
  for (int i = 0; i < 300; ++i) yaml += "  wrong" + std::to_string(i) + ": 1\n";
  auto result = folder.load(yaml);
  CHECK(result.diagnostics.size() == 101);
  CHECK(result.diagnostics.back().message == "there are more errors: only the first 100 are shown");
}

TEST_CASE("a handler of the log goes to one server or to one syslog server, and has a name of its own") {
  test::spec_folder folder;
  const auto said = [&folder](const std::string& handlers) {
    return folder.errors("node: { name: n@h, log: { handlers: [ " + handlers + " ] } }\n" +
                         "plugins: { path: [plugins] }\n");
  };
  CHECK(said("{ name: a, to: { actor: kv, args: { every: 1s } } }, { name: b, to: { syslog: "
             "log.example.org:1 } }") == "");
  struct mistake {
    const char* handlers;
    const char* why;
  };
  const mistake wrong[] = {
      {"{ name: a }", "the key 'to' is missing"},
      {"{ name: a, to: {} }", "to: expected exactly one of actor and syslog"},
      {"{ name: a, to: { actor: kv, syslog: 127.0.0.1:514 } }", "expected exactly one of actor and syslog"},
      {"{ name: a, to: { syslog: 127.0.0.1:514, args: {} } }", "to.args: a syslog server has none"},
      {"{ name: a, to: { syslog: 127.0.0.1 } }", "must be HOST:PORT"},
      {"{ name: a, to: { syslog: 127.0.0.1:65536 } }", "must be HOST:PORT"},
      {"{ name: a, to: { syslog: '::1:514' } }", "must be HOST:PORT"},
      {"{ name: a, to: { syslog: '[x]:514' } }", "must be HOST:PORT"},
      {"{ name: a, to: { actor: bell } }", "lines of the log go to a server, and the actor bell is none"},
      {"{ name: a, to: { actor: 'kv:none' } }", "has no actor 'none'"},
      {"{ name: a, to: { actor: kv, args: { every: soon } } }", "every"},
      {"{ name: a, to: { actor: kv }, queue: { limit: 0 } }", "a whole number from 1 to 1000000"},
      {"{ name: a, to: { actor: kv }, queue: { on_full: wait } }", "drop_old or drop_new"},
      {"{ name: a, to: { actor: kv } }, { name: a, to: { actor: kv } }",
       "the handler a stands here a second time"},
  };
  for (const mistake& one : wrong) {
    const std::string all = said(one.handlers);
    CHECK_MESSAGE(all.find(one.why) != std::string::npos, one.handlers << "\n" << all);
  }
}
