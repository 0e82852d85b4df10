// SPDX-License-Identifier: MIT
// Tests the exact text that a person is shown for each kind of mistake in a configuration.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "fixture.hpp"
#include "spec/kinds/tcp.hpp"

using namespace coppice;

namespace {

struct row {
  const char* name;
  std::string yaml;
  const char* shown;
};

void check_errors(const std::vector<row>& rows) {
  test::spec_folder folder;
  for (const auto& one : rows) {
    CAPTURE(one.name);
    auto result = folder.load(one.yaml);
    CHECK_FALSE(result.spec);
    CHECK(spec::render(result.diagnostics) == one.shown);
  }
}

void check_tree_errors(const std::vector<row>& rows) {
  test::spec_folder folder;
  for (const auto& one : rows) {
    CAPTURE(one.name);
    auto shown = folder.tree_errors(one.yaml);
    for (auto at = shown.find(folder.path()); at != std::string::npos; at = shown.find(folder.path()))
      shown.replace(at, folder.path().size(), "DIR");
    CHECK(shown == one.shown);
  }
}

} // namespace

TEST_CASE("a plugin that an installation keeps aside is named with its folder") {
  const test::spec_folder folder;
  folder.write("elephant/elephant.so", "");
  CHECK(folder.tree_errors("        - { id: a, actor: elephant }\n") ==
        "node.yaml:10:27: error: no plugin 'elephant': there is no elephant.so in plugins.path\n"
        "   10 |         - { id: a, actor: elephant }\n"
        "      |                           ^ it is in " +
            folder.path() + "/elephant: add that to plugins.path\n");
}

TEST_CASE("a second file of a plugin, in a later folder, is warned of, and once") {
  const test::spec_folder folder;
  const std::string before = "node: { name: n@h }\nplugins: { path: [";
  const std::string behind =
      "] }\napplications:\n  - name: demo\n    supervisor:\n      children:\n"
      "        - { id: a, actor: kv }\n        - { id: b, actor: kv }\n";
  folder.write("older/kv.so", "");
  CHECK(folder.errors(before + "plugins, older, older" + behind) ==
        "node.yaml:7:27: warning: the plugin " + folder.path() + "/plugins/kv.so hides " + folder.path() +
            "/older/kv.so\n"
            "    7 |         - { id: a, actor: kv }\n"
            "      |                           ^ the first folder of plugins.path that has it is taken: "
            "remove the file that is not meant\n");
  CHECK(folder.errors(before + "plugins, plugins" + behind).empty());
}

TEST_CASE("a wrong key or value is shown with its line, a caret and a remedy") {
  check_errors({
      {"unknown key", "node:\n  name: n@h\n  wrkers: 2\n",
       "node.yaml:3:3: error: unknown key 'wrkers' in node\n"
       "    3 |   wrkers: 2\n"
       "      |   ^ did you mean 'workers'?\n"},
      {"unknown key far from all", "node:\n  name: n@h\nfoo: 2\n",
       "node.yaml:3:1: error: unknown key 'foo'\n"
       "    3 | foo: …\n"
       "      | ^ known here: node epmd distribution control plugins applications events cron\n"},
      {"missing key", "epmd: { port: 5000 }\n",
       "node.yaml:1:1: error: the key 'node' is missing\n"
       "    1 | epmd: { port: 5000 }\n"
       "      | ^ the node itself\n"},
      {"wrong type", "node:\n  name: n@h\n  workers: many\n",
       "node.yaml:3:12: error: node.workers: expected a whole number from 1 to 1024, found 'many'\n"
       "    3 |   workers: many\n"
       "      |            ^\n"},
      {"a range from high to low", "node: { name: n@h }\ndistribution: { listen: [{ ports: 2-1 }] }\n",
       "node.yaml:2:35: error: ports: '2-1' is no range: the lower port comes first, "
       "and 0 stands alone\n"
       "    2 | distribution: { listen: [{ ports: 2-1 }] }\n"
       "      |                                   ^\n"},
      {"any port and another", "node: { name: n@h }\ndistribution: { listen: [{ ports: 0-5 }] }\n",
       "node.yaml:2:35: error: ports: '0-5' is no range: the lower port comes first, "
       "and 0 stands alone\n"
       "    2 | distribution: { listen: [{ ports: 0-5 }] }\n"
       "      |                                   ^\n"},
      {"a list for a map", "node: [1]\n",
       "node.yaml:1:7: error: node: expected a map, found a list\n"
       "    1 | node: [1]\n"
       "      |       ^\n"},
      {"duplicate key", "node:\n  name: n@h\n  data: a\n  name: m@h\n",
       "node.yaml:4:3: error: the key 'name' stands here a second time\n"
       "    4 |   name: m@h\n"
       "      |   ^ first on line 2\n"},
      {"a stack that is too small", "node:\n  name: n@h\n  runtime: { stack: 4KiB }\n",
       "node.yaml:3:21: error: node.runtime.stack: must be from 64KiB to 1GiB\n"
       "    3 |   runtime: { stack: 4KiB }\n"
       "      |                     ^\n"},
      {"bad duration", "node:\n  name: n@h\n  runtime: { park: 5 }\n",
       "node.yaml:3:20: error: node.runtime.park: expected a duration such as 10ms, 5s, 2m or 1h, found the "
       "number 5\n"
       "    3 |   runtime: { park: 5 }\n"
       "      |                    ^ did you mean 5s?\n"},
      {"bad size", "node:\n  name: n@h\n  limits: { term_bytes: 5 megs }\n",
       "node.yaml:3:25: error: node.limits.term_bytes: expected a size such as 64KiB or 1MB, found '5 megs'\n"
       "    3 |   limits: { term_bytes: 5 megs }\n"
       "      |                         ^\n"},
      {"bad choice", "node:\n  name: n@h\n  visibility: hiden\n",
       "node.yaml:3:15: error: node.visibility: expected visible or hidden, found 'hiden'\n"
       "    3 |   visibility: hiden\n"
       "      |               ^ did you mean 'hidden'?\n"},
      {"bad node name", "node:\n  name: n@h@x\n",
       "node.yaml:2:9: error: node.name: 'n@h@x' must be alive@host, the host a name or an address\n"
       "    2 |   name: n@h@x\n"
       "      |         ^\n"},
      {"two sources of a cookie", "node:\n  name: n@h\n  cookie: { file: a, env: B }\n",
       "node.yaml:3:11: error: node.cookie: expected exactly one of file, env and credential\n"
       "    3 |   cookie: …\n"
       "      |           ^\n"},
      {"a mode without quotes", "node:\n  name: n@h\ncontrol: { mode: 0660 }\n",
       "node.yaml:3:18: error: control.mode: expected a file mode in quotes such as \"0660\", found the "
       "number 0660\n"
       "    3 | control: { mode: 0660 }\n"
       "      |                  ^\n"},
      {"a number where a text is due", "node:\n  name: 5\n",
       "node.yaml:2:9: error: node.name: expected a node name, found the number 5\n"
       "    2 |   name: 5\n"
       "      |         ^ in quotes it is a text: \"5\"\n"},
      {"a key without a value", "node:\n  name:\n  data: x\n",
       "node.yaml:2:3: error: node.name: expected a node name, found nothing\n"
       "    2 |   name:\n"
       "      |   ^\n"},
  });
}

TEST_CASE("mistakes in what is said of the log") {
  check_errors({
      {"a level there is not", "node:\n  name: n@h\n  log: { modules: { dist: loud } }\n",
       "node.yaml:3:27: error: node.log.modules.dist: expected trace, debug, info, notice, warning or error, "
       "found 'loud'\n"
       "    3 |   log: { modules: { dist: loud } }\n"
       "      |                           ^\n"},
      {"a module's name",
       "node:\n  name: n@h\n  log: { modules: { a_name_of_more_than_31_characters: info } }\n",
       "node.yaml:3:21: error: node.log.modules: a module's name has 1 to 31 characters\n"
       "    3 |   log: { modules: { a_name_of_more_than_31_characters: info } }\n"
       "      |                     ^\n"},
      {"a rate without a unit", "node:\n  name: n@h\n  log: { rate: { per_source: 100 } }\n",
       "node.yaml:3:30: error: node.log.rate.per_source: expected a rate from 1/s to 1000000/s, or "
       "unlimited, "
       "found the number 100\n"
       "    3 |   log: { rate: { per_source: 100 } }\n"
       "      |                              ^\n"},
      {"no burst at all", "node:\n  name: n@h\n  log: { rate: { burst: 0 } }\n",
       "node.yaml:3:25: error: node.log.rate.burst: expected a whole number from 1 to 1000000, found the "
       "number "
       "0\n"
       "    3 |   log: { rate: { burst: 0 } }\n"
       "      |                         ^\n"},
      {"no path", "node:\n  name: n@h\n  log: { files: [ { level: error } ] }\n",
       "node.yaml:3:19: error: the key 'path' is missing\n"
       "    3 |   log: { files: [ { level: error } ] }\n"
       "      |                   ^ the file; its folder must be there\n"},
      {"a folder for a file", "node:\n  name: n@h\n  log: { files: [ { path: / } ] }\n",
       "node.yaml:3:27: error: path: / is a folder\n"
       "    3 |   log: { files: [ { path: / } ] }\n"
       "      |                           ^ a file in it is wanted\n"},
      {"no folder", "node:\n  name: n@h\n  log: { files: [ { path: /no/where/a.log } ] }\n",
       "node.yaml:3:27: error: path: there is no folder /no/where\n"
       "    3 |   log: { files: [ { path: /no/where/a.log } ] }\n"
       "      |                           ^ make it, writable for the node's user\n"},
      {"the same file twice", "node:\n  name: n@h\n  log: { files: [ { path: /x }, { path: /./x } ] }\n",
       "node.yaml:3:33: error: the file /x stands here a second time\n"
       "    3 |   log: { files: [ { path: /x }, { path: /./x } ] }\n"
       "      |                                 ^\n"},
      {"too small", "node:\n  name: n@h\n  log: { files: [ { path: /x, rotate: { bytes: 1KiB } } ] }\n",
       "node.yaml:3:48: error: rotate.bytes: must be from 64KiB to 1TiB\n"
       "    3 |   log: { files: [ { path: /x, rotate: { bytes: 1KiB } } ] }\n"
       "      |                                                ^\n"},
      {"too many", "node:\n  name: n@h\n  log: { files: [ { path: /x, rotate: { keep: 1001 } } ] }\n",
       "node.yaml:3:47: error: rotate.keep: expected a whole number from 0 to 1000, found the number 1001\n"
       "    3 |   log: { files: [ { path: /x, rotate: { keep: 1001 } } ] }\n"
       "      |                                               ^\n"},
  });
}

TEST_CASE("all errors are shown at once, in the order of the file") {
  check_errors(
      {{"three", "node:\n  name: n@h\n  wrkers: 2\nepmd: { port: 0 }\nplugins: { pth: [] }\n",
        "node.yaml:3:3: error: unknown key 'wrkers' in node\n"
        "    3 |   wrkers: 2\n"
        "      |   ^ did you mean 'workers'?\n"
        "node.yaml:4:15: error: epmd.port: expected a whole number from 1 to 65535, found the number 0\n"
        "    4 | epmd: { port: 0 }\n"
        "      |               ^\n"
        "node.yaml:5:12: error: unknown key 'pth' in plugins\n"
        "    5 | plugins: { pth: [] }\n"
        "      |            ^ did you mean 'path'?\n"}});
}

TEST_CASE("what a web server cannot be is refused") {
  const auto refused = [](const std::string& route, const std::string& why) {
    CAPTURE(route);
    test::spec_folder folder;
    const auto read =
        folder.load_tree("        - { id: a, web: { listen: [ { address: 127.0.0.1, port: 0 } ], routes: [ " +
                         route + " ] } }\n");
    CHECK(spec::render(read.diagnostics).find(why) != std::string::npos);
  };
  const auto refused_of_site = [](const std::string& key, const std::string& why) {
    CAPTURE(key);
    test::spec_folder folder;
    const auto read = folder.load_tree(
        "        - { id: a, web: { listen: [ { address: 127.0.0.1, port: 0 } ], " + key + " } }\n");
    CHECK(spec::render(read.diagnostics).find(why) != std::string::npos);
  };
  refused_of_site("cors: { origins: [ example.org ] }", "must be an origin such as https://example.org");
  refused_of_site("cors: { origins: [ 'https://a/b' ] }", "must be an origin such as https://example.org");
  refused_of_site("cors: { origins: [ '*', 'https://a' ] }", "stands alone");
  refused_of_site("cors: { origins: [ '*' ], credentials: true }", "needs origins by name");
  refused_of_site("cors: { max_age: 1500ms }", "must be whole seconds");
  refused_of_site("proxies: [ nowhere ]", "proxies");
  refused_of_site("sse: { queue: 1B }", "must be from 1KiB to 64MiB");
  refused_of_site("sse: { heartbeat: 1ms }", "heartbeat");
  refused("{ path: /a, to: b, upgrade: sse, method: POST }", "an upgrade is for GET");
  refused("{ path: /a, redirect: { to: /c }, upgrade: sse }", "upgrade: is for 'to'");
  refused("{ path: /a, to: b, upgrade: h2c }", "expected none, sse or websocket");
  refused("{ path: /a, actor: b, upgrade: none }", "actor: needs 'upgrade: websocket' or 'upgrade: sse'");
  refused("{ path: /a, actor: b }", "who answers single requests is named by 'to'");
  refused("{ path: /a, actor: 'b c', upgrade: sse }", "'b c' must be PLUGIN or PLUGIN:ACTOR");
  refused("{ path: /a, actor: b, to: c, upgrade: sse }", "needs one of 'to', 'actor'");
  refused("{ path: /a, actor: b, method: POST, upgrade: sse }", "method: an upgrade is for GET");
  refused("{ path: /a, to: b, args: {}, upgrade: sse }", "args: is for 'actor'");
  refused("{ path: /a, to: b, mailbox: { limit: 1 } }", "mailbox: is for 'actor'");
  refused("{ path: /a, redirect: { to: /b }, as: list }", "as: is for 'to' and 'actor'");
  refused("{ path: /a, to: b, as: a@b }", "as: 'a@b' must be a name");
  refused("{ path: /a, event: b, unhandled: log, upgrade: sse }", "unhandled: is for 'actor'");
  refused("{ path: /a, files: /b, upgrade: websocket }", "upgrade: is for 'to'");
  refused_of_site("websocket: { queue: 1B }", "must be from 1KiB to 64MiB");
  refused_of_site("websocket: { max_message: 0B }", "must be more than 0B");
  refused_of_site("websocket: { max_message: 65MiB }", "must be at most 64MiB");
  refused_of_site("websocket: { ping: 1ms }", "ping");
  refused_of_site("websocket: { pong: 1ms }", "pong");
  refused("{ path: /a, event: b }", "event: needs 'upgrade: sse' or 'upgrade: websocket'");
  refused("{ path: /a, event: b, to: c, upgrade: sse }",
          "needs one of 'to', 'actor', 'redirect', 'files' and 'event'");
  refused("{ path: /a, event: b, upgrade: sse, method: POST }", "method: an upgrade is for GET");
  refused("{ path: /a }", "needs one of 'to', 'actor', 'redirect', 'files' and 'event'");
  refused("{ path: /a, to: b, redirect: { to: /c } }",
          "needs one of 'to', 'actor', 'redirect', 'files' and 'event'");
  refused("{ path: '/{a...}', to: b, files: f }",
          "needs one of 'to', 'actor', 'redirect', 'files' and 'event'");
  refused("{ path: /a, files: f }", "path: must end in {NAME...}");
  refused("{ path: '/{a...}', files: f, method: POST }", "files are for GET and HEAD");
  refused("{ path: '/{a...}', files: f, timeout: 1s }", "timeout: is not for 'files'");
  refused("{ path: '/{a...}', files: f, limits: { body: 1KiB } }", "limits: is not for 'files'");
  refused("{ path: '/{a...}', files: f, body: streamed }", "body: is for 'to' without an upgrade");
  refused("{ path: /a, to: b, upgrade: sse, body: streamed }", "body: is for 'to' without an upgrade");
  refused("{ path: /a, to: b, body: 1KiB }", "expected buffered or streamed");
  refused("{ path: /a, to: b, body: streamed, limits: { body: 2TiB } }", "must be at most 1TiB");
  refused("{ path: '/{a...}', files: f, index: a/b }", "must be a file's name");
  refused("{ path: '/{a...}', to: b, index: c }", "index: is for 'files'");
  refused("{ path: a, to: b }", "does not begin with /");
  refused("{ path: '/{a', to: b }", "a parameter is {NAME} or {NAME...}");
  refused("{ path: '/{a}/{a}', to: b }", "has the parameter a twice");
  refused("{ path: '/{a...}/b', to: b }", "goes on behind its rest");
  refused("{ path: /a, to: 'b@c' }", "must");
  refused("{ path: /a, to: b, method: 'G T' }", "must be a method that the server knows");
  refused("{ path: /a, to: b, method: FETCH }", "must be a method that the server knows");
  refused("{ path: /a, to: b, method: get }", "must be in upper case: GET");
  refused("{ path: /a, to: b, timeout: 0s }", "must be more than 0s");
  refused("{ path: /a, to: b, limits: { body: 2GiB } }",
          "limits.body: must be at most 1GiB, or 'body: streamed'");
  refused_of_site("body: chunked", "expected buffered or streamed");
  test::spec_folder offers_other;
  const auto offered = offers_other.load_tree(
      "        - { id: a, web: { listen: [ { address: 127.0.0.1, port: 1, tls: on, alpn: [ h2, http/1.1 ] } "
      "] } }\n");
  CHECK(spec::render(offered.diagnostics).find("alpn: not available in this version: h2") !=
        std::string::npos);
  refused_of_site("http2: true", "unknown key 'http2' in web");
  refused("{ path: /a, to: b, headers: [ { name: Connection, value: x } ] }", "the server sets it");
  refused("{ path: /a, to: b, headers: [ { name: 'A B', value: x } ] }", "must be a header's name");
}

TEST_CASE("what an actor with a program cannot be is refused") {
  const auto refused = [](const std::string& port, const std::string& why) {
    CAPTURE(port);
    test::spec_folder folder;
    const auto read = folder.load_tree("        - { id: a, port: { " + port + " } }\n");
    CHECK(spec::render(read.diagnostics).find(why) != std::string::npos);
  };
  refused("actor: wire", "the key 'command' is missing");
  refused("command: [ /bin/cat ]", "the key 'actor' is missing");
  refused("command: [], actor: wire", "must begin with a program's path from / on");
  refused("command: [ cat ], actor: wire", "must begin with a program's path from / on");
  refused("command: [ /bin/cat ], actor: kv", "cannot talk with a program");
  refused("command: [ /bin/cat ], actor: 'wire:ping'", "cannot talk with a program");
  refused("command: [ /bin/cat ], actor: wire, environment: [ A ]", "must be NAME=VALUE");
  refused("command: [ /bin/cat ], actor: wire, environment: [ '=b' ]", "must be NAME=VALUE");
  refused("command: [ /bin/cat ], actor: wire, credit: 0B", "must be from 1B to 1GiB");
  refused("command: [ /bin/cat ], actor: wire, write: { high: 0B }", "must be from 1B to 1GiB");
  refused("command: [ /bin/cat ], actor: wire, write: { high: 4B, low: 5B }", "must be at most `high`");
  refused("command: [ /bin/cat ], actor: wire, kill_after: 11m", "must be at most 10m");
  refused("command: [ /bin/cat ], actor: wire, limits: { cpu: 1500ms }", "must be whole seconds");
  refused("command: [ /bin/cat ], actor: wire, frame: { kind: fixed }", "size");
}

TEST_CASE("what a pool cannot be is refused") {
  check_tree_errors({
      {"both", "        - { id: a, actor: kv, pool: { actor: kv } }\n",
       "node.yaml:10:11: error: a child has one of 'actor', 'supervisor', 'pool', 'tcp', 'udp', 'port', "
       "'event_manager', 'web' and 'consumer_supervisor'\n"
       "   10 |         - { id: a, actor: kv, pool: { actor: kv } }\n"
       "      |           ^\n"},
      {"neither", "        - { id: a }\n",
       "node.yaml:10:11: error: a child needs 'actor', 'supervisor', 'pool', 'tcp', 'udp', 'port', "
       "'event_manager', 'web' or 'consumer_supervisor'\n"
       "   10 |         - { id: a }\n"
       "      |           ^\n"},
      {"no actor", "        - { id: a, pool: { size: 2 } }\n",
       "node.yaml:10:26: error: the key 'actor' is missing\n"
       "   10 |         - { id: a, pool: { size: 2 } }\n"
       "      |                          ^ what the workers are: any server\n"},
      {"no workers", "        - { id: a, pool: { actor: kv, size: 0 } }\n",
       "node.yaml:10:45: error: pool.size: expected a number from 1 to 10000, cores, or a multiple such as "
       "\"2x cores\", found the number 0\n"
       "   10 |         - { id: a, pool: { actor: kv, size: 0 } }\n"
       "      |                                             ^\n"},
      {"no cores", "        - { id: a, pool: { actor: kv, size: 0x cores } }\n",
       "node.yaml:10:45: error: pool.size: expected a number from 1 to 10000, cores, or a multiple such as "
       "\"2x cores\", found '0x cores'\n"
       "   10 |         - { id: a, pool: { actor: kv, size: 0x cores } }\n"
       "      |                                             ^\n"},
      {"key", "        - { id: a, pool: { actor: kv, key: element 2 } }\n",
       "node.yaml:10:44: error: pool.key: without effect unless dispatch is hash\n"
       "   10 |         - { id: a, pool: { actor: kv, key: element 2 } }\n"
       "      |                                            ^\n"},
      {"max", "        - { id: a, pool: { actor: kv, size: 4, max: 3 } }\n",
       "node.yaml:10:53: error: pool.max: less than the size, 4\n"
       "   10 |         - { id: a, pool: { actor: kv, size: 4, max: 3 } }\n"
       "      |                                                     ^\n"},
      {"idle", "        - { id: a, pool: { actor: kv, idle: 5s } }\n",
       "node.yaml:10:45: error: pool.idle: without effect unless the pool may grow to a max\n"
       "   10 |         - { id: a, pool: { actor: kv, idle: 5s } }\n"
       "      |                                             ^\n"},
      {"element", "        - { id: a, pool: { actor: kv, dispatch: hash, key: element 0 } }\n",
       "node.yaml:10:60: error: pool.key: expected whole, or an element of the request's tuple from 1 to 255 "
       "such as \"element 2\", found 'element 0'\n"
       "   10 |         - { id: a, pool: { actor: kv, dispatch: hash, key: element 0 } }\n"
       "      |                                                            ^\n"},
      {"no room", "        - { id: a, pool: { actor: kv, queue: { limit: 0, on_full: park_sender } } }\n",
       "node.yaml:10:55: error: pool.queue.limit: at least 1 where senders wait for room\n"
       "   10 |         - { id: a, pool: { actor: kv, queue: { limit: 0, on_full: park_sender } } }\n"
       "      |                                                       ^\n"},
      {"parking at all",
       "        - { id: a, pool: { actor: kv, dispatch: broadcast, queue: { on_full: park_sender } } }\n",
       "node.yaml:10:78: error: pool.queue.on_full: broadcast takes no park_sender: each worker has a queue "
       "of its own\n"
       "   10 | … - { id: a, pool: { actor: kv, dispatch: broadcast, queue: { on_full: park_sender } } }\n"
       "      |                                                                        ^\n"},
      {"two bounds",
       "        - { id: a, mailbox: { limit: 5 }, pool: { actor: kv, queue: { on_full: park_sender } } }\n",
       "node.yaml:10:29: error: mailbox: the bound of this pool's mailbox is queue.limit, since its senders "
       "wait "
       "there\n"
       "   10 |         - { id: a, mailbox: { limit: 5 }, pool: { actor: kv, queue: { on_full: park_sender } "
       "} }\n"
       "      |                             ^\n"},
      {"args", "        - { id: a, args: { room: 1KiB }, pool: { actor: kv } }\n",
       "node.yaml:10:20: error: a pool takes no 'args'\n"
       "   10 |         - { id: a, args: { room: 1KiB }, pool: { actor: kv } }\n"
       "      |                    ^ it belongs into the 'pool' map\n"},
      {"its args", "        - { id: a, pool: { actor: kv, args: { rom: 1KiB } } }\n",
       "node.yaml:10:47: error: args: unknown key 'rom'\n"
       "   10 |         - { id: a, pool: { actor: kv, args: { rom: 1KiB } } }\n"
       "      |                                               ^ did you mean 'room'?\n"},
  });
}

TEST_CASE("what this version has not is refused by name, its default is accepted") {
  check_tree_errors({
      {"isolation", "        - { id: a, actor: kv, isolation: process }\n",
       "node.yaml:10:31: error: isolation: not available in this version\n"
       "   10 |         - { id: a, actor: kv, isolation: process }\n"
       "      |                               ^\n"},
  });
  test::spec_folder folder;
  CHECK(folder.errors("node: { name: n@h }\nplugins: { watch: true, isolation: none }\n"
                      "distribution: { listen: [{ tls: off }], compression: { level: 0 } }\n") == "");
}

TEST_CASE("mistakes in what is said of TLS") {
  const auto listen = [](const std::string& tls) {
    return "node: { name: n@h }\ndistribution: { listen: [{ ports: 0, tls: " + tls + " }] }\n";
  };
  const auto route = [](const std::string& tls) {
    return "node: { name: n@h }\ndistribution: { routes: [{ node: a@b, address: b, port: 1, tls: " + tls +
           " }] }\n";
  };
  test::spec_folder folder;
  const auto says = [&](const std::string& text, const std::string& what) {
    const auto errors = folder.errors(text);
    INFO(errors);
    CHECK(errors.find(what) != std::string::npos);
  };
  says(listen("onn"), "tls: expected off, on or a map");
  says(listen("onn"), "did you mean 'on'?");
  says(listen("{ certificate: c, ca: a }"), "tls: certificate and key belong together");
  says(listen("{ certificate: c, key: k }"), "tls: the key 'ca' is missing");
  says(listen("{ ca: a }"), "tls: a listener needs a certificate and a key");
  says(listen("{ certificate: c, key: k, verify: self }"), "tls.verify: expected peer or none");
  says(listen("{ certificate: c, key: k, ca: a, min_version: 1.1 }"), "tls.min_version: expected 1.3 or 1.2");
  says(route("{ verify: peer }"), "tls: the key 'ca' is missing");
  CHECK(folder.errors(listen("on")) == "");
  CHECK(folder.errors(listen("{ certificate: c, key: k, verify: none, min_version: \"1.2\" }")) == "");
  CHECK(folder.errors(route("{ ca: a }")) == "");
  CHECK(folder.errors(route("{ verify: none }")) == "");

  // A listener asks clients for a certificate only if the configuration names the CA that signs them.
  const auto site = [&](const std::string& tls) {
    return folder.load_tree(
        "        - { id: a, tcp: { actor: wire, listen: [ { address: 127.0.0.1, port: 0, tls: " + tls +
        " } ] } }\n");
  };
  const auto verifies = [&](const std::string& tls) {
    const auto loaded = site(tls);
    CHECK(spec::render(loaded.diagnostics) == "");
    REQUIRE(loaded.spec);
    return loaded.spec->applications.at(0)
        .supervisor.children.at(0)
        .find<spec::tcp_options>()
        ->listen.at(0)
        .tls.verify;
  };
  CHECK_FALSE(verifies("{ certificate: /c, key: /k }"));
  CHECK(verifies("{ certificate: /c, key: /k, ca: /a }"));
  CHECK_FALSE(verifies("{ certificate: /c, key: /k, ca: /a, verify: none }"));
  CHECK(spec::render(site("{ certificate: /c, key: /k, verify: peer }").diagnostics)
            .find("tls: the key 'ca' is missing") != std::string::npos);
}

TEST_CASE("mistakes in a supervision tree") {
  check_tree_errors({
      {"duplicate id", "        - { id: a, actor: kv }\n        - { id: a, actor: kv }\n",
       "node.yaml:11:17: error: the id 'a' stands here a second time\n"
       "   11 |         - { id: a, actor: kv }\n"
       "      |                 ^ first on line 10\n"},
      {"duplicate name", "        - { id: a, actor: kv, name: top }\n",
       "node.yaml:10:37: error: the registered name 'top' stands here a second time\n"
       "   10 |         - { id: a, actor: kv, name: top }\n"
       "      |                                     ^ first on line 8\n"},
      {"the node's name", "        - { id: a, actor: kv, name: net_kernel }\n",
       "node.yaml:10:37: error: the name 'net_kernel' is the node's own\n"
       "   10 |         - { id: a, actor: kv, name: net_kernel }\n"
       "      |                                     ^\n"},
      {"missing plugin", "        - { id: a, actor: kw }\n",
       "node.yaml:10:27: error: no plugin 'kw': there is no kw.so in plugins.path\n"
       "   10 |         - { id: a, actor: kw }\n"
       "      |                           ^ did you mean 'kv'?\n"},
      {"missing plugin far from all", "        - { id: a, actor: elephant }\n",
       "node.yaml:10:27: error: no plugin 'elephant': there is no elephant.so in plugins.path\n"
       "   10 |         - { id: a, actor: elephant }\n"
       "      |                           ^ looked in DIR/plugins\n"},
      {"unknown actor", "        - { id: a, actor: pair:secnd, args: { to: ab } }\n",
       "node.yaml:10:27: error: the plugin 'pair' has no actor 'secnd'\n"
       "   10 |         - { id: a, actor: pair:secnd, args: { to: ab } }\n"
       "      |                           ^ did you mean 'second'?\n"},
      {"an unknown actor of a route's clients",
       "        - { id: a, web: { listen: [], routes: [ { path: /a, actor: pair:secnd, upgrade: sse } ] } "
       "}\n",
       "node.yaml:10:35: error: web.listen: needs one place at least\n"
       "   10 |         - { id: a, web: { listen: [], routes: [ { path: /a, actor: pair:secnd, upgrade: sse "
       "} ] } "
       "}\n"
       "      |                                   ^\n"
       "node.yaml:10:68: error: the plugin 'pair' has no actor 'secnd'\n"
       "   10 |         - { id: a, web: { listen: [], routes: [ { path: /a, actor: pair:secnd, upgrade: sse "
       "} ] } "
       "}\n"
       "      |                                                                    ^ did you mean "
       "'second'?\n"},
      {"no event handler among the handlers",
       "        - { id: a, event_manager: { handlers: [ { id: x, actor: kv } ] } }\n",
       "node.yaml:10:65: error: the actor 'kv' is a server and no event handler\n"
       "   10 |         - { id: a, event_manager: { handlers: [ { id: x, actor: kv } ] } }\n"
       "      |                                                                 ^ a handler's behaviour is "
       "event_handler\n"},
      {"an event handler by itself", "        - { id: a, actor: bell }\n",
       "node.yaml:10:27: error: the actor 'bell' is an event handler\n"
       "   10 |         - { id: a, actor: bell }\n"
       "      |                           ^ it belongs among the handlers of an 'event_manager' map\n"},
      {"two handlers of one id",
       "        - id: a\n"
       "          event_manager: { handlers: [ { id: x, actor: bell }, { id: x, actor: bell } ] }\n",
       "node.yaml:11:70: error: the id 'x' stands here a second time\n"
       "   11 |           event_manager: { handlers: [ { id: x, actor: bell }, { id: x, actor: bell } ] }\n"
       "      |                                                                      ^ first on line 11\n"},
      {"args beside an event manager", "        - { id: a, event_manager: {}, args: {} }\n",
       "node.yaml:10:39: error: an event manager takes no 'args'\n"
       "   10 |         - { id: a, event_manager: {}, args: {} }\n"
       "      |                                       ^ it belongs into a handler's map\n"},
      {"statem beside a server", "        - { id: a, actor: kv, statem: {} }\n",
       "node.yaml:10:39: error: statem: the actor kv is a server and no statem\n"
       "   10 |         - { id: a, actor: kv, statem: {} }\n"
       "      |                                       ^ leave it out\n"},
      {"router beside a server", "        - { id: a, actor: kv, router: {} }\n",
       "node.yaml:10:39: error: router: the actor kv is a server and no router\n"
       "   10 |         - { id: a, actor: kv, router: {} }\n"
       "      |                                       ^ leave it out\n"},
      {"two routes of a name",
       "        - {id: a, actor: sorter, router: {routes: [{name: x, to: b@n@h}, {name: x, to: b@n@h}]}}\n",
       "node.yaml:10:74: error: router.routes: there are two of the name 'x'\n"
       "   10 | …     - {id: a, actor: sorter, router: {routes: [{name: x, to: b@n@h}, {name: x, to: "
       "b@n@h}]}}\n"
       "      |                                                                        ^\n"},
      {"stage beside a server", "        - { id: a, actor: kv, stage: {} }\n",
       "node.yaml:10:38: error: stage: the actor kv is a server and no stage\n"
       "   10 |         - { id: a, actor: kv, stage: {} }\n"
       "      |                                      ^ leave it out\n"},
      {"a template that is always started again",
       "        - id: a\n"
       "          consumer_supervisor: { template: { actor: kv, restart: permanent } }\n",
       "node.yaml:11:66: error: consumer_supervisor.template.restart: expected transient or temporary, found "
       "'permanent'\n"
       "   11 |           consumer_supervisor: { template: { actor: kv, restart: permanent } }\n"
       "      |                                                                  ^\n"},
      {"no template", "        - { id: a, consumer_supervisor: {} }\n",
       "node.yaml:10:41: error: the key 'template' is missing\n"
       "   10 |         - { id: a, consumer_supervisor: {} }\n"
       "      |                                         ^ what is started for each event\n"},
      {"args beside a consumer supervisor",
       "        - { id: a, consumer_supervisor: { template: { actor: kv } }, args: {} }\n",
       "node.yaml:10:70: error: a consumer supervisor takes no 'args'\n"
       "   10 |         - { id: a, consumer_supervisor: { template: { actor: kv } }, args: {} }\n"
       "      |                                                                      ^ it belongs into its "
       "template\n"},
      {"a consumer supervisor that may wait for ever",
       "        - id: a\n"
       "          mailbox: { on_full: drop_new }\n"
       "          consumer_supervisor: { template: { actor: kv } }\n",
       "node.yaml:11:31: error: mailbox.on_full: a stage whose mailbox drops messages may wait for events "
       "for "
       "ever\n"
       "   11 |           mailbox: { on_full: drop_new }\n"
       "      |                               ^ park_sender and exit lose none\n"},
      {"which actor", "        - { id: a, actor: pair }\n",
       "node.yaml:10:27: error: the plugin 'pair' has no actor 'pair'\n"
       "   10 |         - { id: a, actor: pair }\n"
       "      |                           ^ it has: first second\n"},
      {"neither actor nor supervisor", "        - { id: a }\n",
       "node.yaml:10:11: error: a child needs 'actor', 'supervisor', 'pool', 'tcp', 'udp', 'port', "
       "'event_manager', 'web' or 'consumer_supervisor'\n"
       "   10 |         - { id: a }\n"
       "      |           ^\n"},
      {"actor and supervisor", "        - { id: a, actor: kv, supervisor: {} }\n",
       "node.yaml:10:11: error: a child has one of 'actor', 'supervisor', 'pool', 'tcp', 'udp', 'port', "
       "'event_manager', 'web' and 'consumer_supervisor'\n"
       "   10 |         - { id: a, actor: kv, supervisor: {} }\n"
       "      |           ^\n"},
      {"a supervisor's name", "        - { id: a, name: b, supervisor: {} }\n",
       "node.yaml:10:20: error: a supervisor takes no 'name'\n"
       "   10 |         - { id: a, name: b, supervisor: {} }\n"
       "      |                    ^ it belongs into the 'supervisor' map\n"},
      {"a slash in an id", "        - { id: a/b, actor: kv }\n",
       "node.yaml:10:17: error: id: 'a/b' must not contain '/': paths such as app/sup/child are made of it\n"
       "   10 |         - { id: a/b, actor: kv }\n"
       "      |                 ^\n"},
      {"bad shutdown", "        - { id: a, actor: kv, shutdown: brutal-kill }\n",
       "node.yaml:10:41: error: shutdown: expected a duration such as 10ms, 5s, 2m or 1h, brutal_kill or "
       "infinity, "
       "found 'brutal-kill'\n"
       "   10 |         - { id: a, actor: kv, shutdown: brutal-kill }\n"
       "      |                                         ^ did you mean 'brutal_kill'?\n"},
  });
}

TEST_CASE("significant needs a supervisor that heeds it and a child that may end") {
  check_tree_errors({
      {"under auto_shutdown: never",
       "        - { id: a, actor: kv, restart: transient, significant: true }\n",
       "node.yaml:10:64: error: significant: without effect under auto_shutdown: never\n"
       "   10 |         - { id: a, actor: kv, restart: transient, significant: true }\n"
       "      |                                                                ^ the supervisor's "
       "auto_shutdown "
       "must be any_significant or all_significant\n"},
      {"permanent",
       "        - { id: a, actor: kv, significant: true }\n      auto_shutdown: any_significant\n",
       "node.yaml:10:44: error: significant: a permanent child cannot be significant\n"
       "   10 |         - { id: a, actor: kv, significant: true }\n"
       "      |                                            ^ its restart must be transient or temporary\n"},
      {"both", "        - { id: a, significant: true, supervisor: {} }\n",
       "node.yaml:10:33: error: significant: a permanent child cannot be significant\n"
       "   10 |         - { id: a, significant: true, supervisor: {} }\n"
       "      |                                 ^ its restart must be transient or temporary\n"
       "node.yaml:10:33: error: significant: without effect under auto_shutdown: never\n"
       "   10 |         - { id: a, significant: true, supervisor: {} }\n"
       "      |                                 ^ the supervisor's auto_shutdown must be any_significant or "
       "all_significant\n"},
  });
}

TEST_CASE("simple_one_for_one has one child, its template") {
  check_tree_errors({
      {"none", "        - { id: a, supervisor: { strategy: simple_one_for_one } }\n",
       "node.yaml:10:44: error: supervisor.strategy: simple_one_for_one has exactly one child, a template, "
       "found 0\n"
       "   10 |         - { id: a, supervisor: { strategy: simple_one_for_one } }\n"
       "      |                                            ^\n"},
      {"an empty list",
       "        - id: a\n          supervisor:\n            strategy: simple_one_for_one\n"
       "            children: []\n",
       "node.yaml:13:23: error: supervisor.children: simple_one_for_one has exactly one child, a template, "
       "found 0\n"
       "   13 |             children: []\n"
       "      |                       ^\n"},
      {"two",
       "        - id: a\n          supervisor:\n            strategy: simple_one_for_one\n"
       "            children: [{ id: b, actor: kv }, { id: c, actor: kv }]\n",
       "node.yaml:13:23: error: supervisor.children: simple_one_for_one has exactly one child, a template, "
       "found 2\n"
       "   13 |             children: [{ id: b, actor: kv }, { id: c, actor: kv }]\n"
       "      |                       ^\n"},
  });
}

TEST_CASE(
    "a wrong strategy, auto_shutdown, backoff, compression or max_runtime is shown with what there is") {
  check_tree_errors({
      {"strategy", "        - { id: a, supervisor: { strategy: rest_for_on } }\n",
       "node.yaml:10:44: error: supervisor.strategy: expected one_for_one, one_for_all, rest_for_one or "
       "simple_one_for_one, found 'rest_for_on'\n"
       "   10 |         - { id: a, supervisor: { strategy: rest_for_on } }\n"
       "      |                                            ^ did you mean 'rest_for_one'?\n"},
      {"auto_shutdown", "        - { id: a, supervisor: { auto_shutdown: significant } }\n",
       "node.yaml:10:49: error: supervisor.auto_shutdown: expected never, any_significant or "
       "all_significant, found 'significant'\n"
       "   10 |         - { id: a, supervisor: { auto_shutdown: significant } }\n"
       "      |                                                 ^\n"},
      {"backoff", "        - { id: a, actor: kv, backoff: { first: 5, jitter: 2 } }\n",
       "node.yaml:10:49: error: backoff.first: expected a duration such as 10ms, 5s, 2m or 1h, found the "
       "number 5\n"
       "   10 |         - { id: a, actor: kv, backoff: { first: 5, jitter: 2 } }\n"
       "      |                                                 ^ did you mean 5s?\n"
       "node.yaml:10:60: error: backoff.jitter: expected a number from 0.0 to 1.0, found the number 2\n"
       "   10 |         - { id: a, actor: kv, backoff: { first: 5, jitter: 2 } }\n"
       "      |                                                            ^\n"},
      {"compression without a level", "        - { id: a, actor: kv, compression: { threshold: 1KiB } }\n",
       "node.yaml:10:44: error: the key 'level' is missing\n"
       "   10 |         - { id: a, actor: kv, compression: { threshold: 1KiB } }\n"
       "      |                                            ^ of LZ4: 0 is off, 1 the fastest, 12 the "
       "smallest\n"},
      {"compression beyond LZ4's", "        - { id: a, actor: kv, compression: { level: 13 } }\n",
       "node.yaml:10:53: error: compression.level: expected a whole number from 0 to 12, found the number "
       "13\n"
       "   10 |         - { id: a, actor: kv, compression: { level: 13 } }\n"
       "      |                                                     ^\n"},
      {"a supervisor's compression", "        - { id: a, compression: { level: 1 }, supervisor: {} }\n",
       "node.yaml:10:20: error: a supervisor takes no 'compression'\n"
       "   10 |         - { id: a, compression: { level: 1 }, supervisor: {} }\n"
       "      |                    ^\n"},
      {"max_runtime", "        - { id: a, actor: kv }\n    max_runtime: 0s\n",
       "node.yaml:11:18: error: max_runtime: must be at least 1ms\n"
       "   11 |     max_runtime: 0s\n"
       "      |                  ^\n"},
  });
}

TEST_CASE("args are held against the plugin's schema, each mistake at its place") {
  check_tree_errors({
      {"unknown argument", "        - { id: a, actor: kv, args: { max_entrys: 5 } }\n",
       "node.yaml:10:39: error: args: unknown key 'max_entrys'\n"
       "   10 |         - { id: a, actor: kv, args: { max_entrys: 5 } }\n"
       "      |                                       ^ did you mean 'max_entries'?\n"},
      {"wrong type", "        - { id: a, actor: kv, args: { max_entries: lots } }\n",
       "node.yaml:10:52: error: args.max_entries: expected a whole number, found 'lots'\n"
       "   10 |         - { id: a, actor: kv, args: { max_entries: lots } }\n"
       "      |                                                    ^\n"},
      {"out of range", "        - { id: a, actor: kv, args: { max_entries: 0 } }\n",
       "node.yaml:10:52: error: args.max_entries: must be at least 1, found 0\n"
       "   10 |         - { id: a, actor: kv, args: { max_entries: 0 } }\n"
       "      |                                                    ^\n"},
      {"not of the enum", "        - { id: a, actor: kv, args: { mode: safer } }\n",
       "node.yaml:10:45: error: args.mode: expected fast or safe, found 'safer'\n"
       "   10 |         - { id: a, actor: kv, args: { mode: safer } }\n"
       "      |                                             ^ did you mean 'safe'?\n"},
      {"bad duration", "        - { id: a, actor: kv, args: { every: soon } }\n",
       "node.yaml:10:46: error: args.every: expected a duration such as 10ms, 5s, 2m or 1h, found 'soon'\n"
       "   10 |         - { id: a, actor: kv, args: { every: soon } }\n"
       "      |                                              ^\n"},
      {"a duration without its unit", "        - { id: a, actor: kv, args: { every: 5 } }\n",
       "node.yaml:10:46: error: args.every: expected a duration such as 10ms, 5s, 2m or 1h, found the number "
       "5\n"
       "   10 |         - { id: a, actor: kv, args: { every: 5 } }\n"
       "      |                                              ^ which unit? 5ms or 5s\n"},
      {"missing argument", "        - { id: a, actor: 'pair:second' }\n",
       "node.yaml:10:11: error: args: the key 'to' is missing\n"
       "   10 |         - { id: a, actor: 'pair:second' }\n"
       "      |           ^ the plugin's schema requires it\n"},
      {"too short", "        - { id: a, actor: pair:second, args: { to: a } }\n",
       "node.yaml:10:52: error: args.to: 'a' has 1 characters, at least 2 are wanted\n"
       "   10 |         - { id: a, actor: pair:second, args: { to: a } }\n"
       "      |                                                    ^\n"},
  });
}

TEST_CASE("applications that depend on each other in a circle, or on none that is there") {
  test::spec_folder folder;
  const std::string empty = ", supervisor: {} }\n";
  CHECK(folder.errors("node: { name: n@h }\napplications:\n"
                      "  - { name: a, depends_on: [b]" +
                      empty + "  - { name: b, depends_on: [c]" + empty + "  - { name: c, depends_on: [a]" +
                      empty) ==
        "node.yaml:5:16: error: depends_on goes in a circle: a -> b -> c -> a\n"
        "    5 |   - { name: c, depends_on: [a], supervisor: {} }\n"
        "      |                ^\n");
  CHECK(folder.errors("node: { name: n@h }\napplications:\n"
                      "  - { name: store, depends_on: [stroe]" +
                      empty) ==
        "node.yaml:3:33: error: depends_on: there is no application 'stroe'\n"
        "    3 |   - { name: store, depends_on: [stroe], supervisor: {} }\n"
        "      |                                 ^ did you mean 'store'?\n");
}

TEST_CASE("a refused plugin is named once, with the verdict's remedy") {
  test::spec_folder folder;
  ::chmod((folder.path() + "/plugins/kv.so").c_str(), 0666);
  CHECK(folder.tree_errors("        - { id: a, actor: kv }\n        - { id: b, actor: kv }\n") ==
        "node.yaml:10:27: error: the plugin " + folder.path() +
            "/plugins/kv.so is refused: " + folder.path() +
            "/plugins/kv.so is writable by everyone\n"
            "   10 |         - { id: a, actor: kv }\n"
            "      |                           ^ only root or the node's user may be able to write there: "
            "chown, chmod go-w\n");
  folder.write("plugins/text.so", "hello");
  CHECK(folder.tree_errors("        - { id: a, actor: text }\n") ==
        "node.yaml:10:27: error: the plugin " + folder.path() +
            "/plugins/text.so is refused: not an ELF file\n"
            "   10 |         - { id: a, actor: text }\n"
            "      |                           ^ a plugin is a shared object (.so): compile and link it\n");
}

TEST_CASE("what a plugin that is taken is warned about is said once, and its drafts are known") {
  test::spec_folder folder;
  const auto loaded =
      folder.load_tree("        - { id: a, actor: drafty }\n        - { id: b, actor: drafty }\n");
  CHECK(spec::render(loaded.diagnostics) ==
        "node.yaml:10:27: warning: the plugin " + folder.path() +
            "/plugins/drafty.so uses coppice.brook/draft-2, which this host does not have\n"
            "   10 |         - { id: a, actor: drafty }\n"
            "      |                           ^ rebuild it without, or use the host it was built for\n");
  REQUIRE(loaded.spec);
  REQUIRE(loaded.spec->plugin_files.size() == 1);
  CHECK(loaded.spec->plugin_files[0].drafts ==
        std::vector<std::string>{"coppice.brook/draft-2", "coppice.order/draft-1"});
}

TEST_CASE("a module of the log that nothing is called is warned about") {
  test::spec_folder folder;
  const auto said = [&folder](const std::string& modules) {
    const auto loaded = folder.load("node:\n  name: n@h\n  log: { modules: { " + modules +
                                    " } }\nplugins: { path: [plugins] }\n");
    CHECK(loaded.spec);
    return spec::render(loaded.diagnostics);
  };
  CHECK(said("dist: debug, drafty: debug") == "");
  CHECK(said("dist: debug, dsit: debug") ==
        "node.yaml:3:34: warning: node.log.modules: neither the node nor a plugin in plugins.path logs as "
        "'dsit'\n"
        "    3 |   log: { modules: { dist: debug, dsit: debug } }\n"
        "      |                                  ^ did you mean 'dist'?\n");
  CHECK(said("draftu: debug").find("^ did you mean 'drafty'?") != std::string::npos);
  CHECK(said("etwas: debug").find("^ a plugin goes by its id; the node's own are application apply") !=
        std::string::npos);
}

TEST_CASE("that clients from elsewhere may stay and send nothing is warned about once") {
  test::spec_folder folder;
  const auto said = [&folder](const std::string& first, const std::string& second) {
    const auto child = [](const std::string& id, const std::string& rest) {
      return "        - { id: " + id + ", tcp: { actor: wire, " + rest + " } }\n";
    };
    const auto loaded = folder.load_tree(child("one", first) + child("two", second));
    CHECK(loaded.spec);
    return spec::render(loaded.diagnostics);
  };
  const std::string here = "listen: [ { address: 127.0.0.1, port: 1 } ]";
  const std::string all = "listen: [ { address: 0.0.0.0, port: 2 } ]";
  CHECK(said(here, "listen: [ { path: /run/x }, { address: '::1', port: 3 } ]") == "");
  CHECK(said(here, all + ", read: { idle: 1m }") == "");
  CHECK(said(all + ", read: { first_byte: 1s }", "connect: { address: h, port: 1 }") == "");
  CHECK(
      said(here, all) ==
      "node.yaml:11:63: warning: tcp.read: first_byte and idle are 0s: whoever connects to 0.0.0.0 may stay "
      "and send nothing\n"
      "   11 |         - { id: two, tcp: { actor: wire, listen: [ { address: 0.0.0.0, port: 2 } ] } }\n"
      "      |                                                               ^ give one of them a time, so "
      "that such connections end before max_connections are taken\n");
  CHECK(said(all, "listen: [ { address: '::', port: 2 }, { address: 10.0.0.1, port: 2 } ]")
            .find("connects to 0.0.0.0, and to 2 more addresses, may stay") != std::string::npos);
}

TEST_CASE("a path is no host that a certificate could be for") {
  test::spec_folder folder;
  const auto said = [&folder](const std::string& to) {
    return folder.tree_errors("        - { id: one, tcp: { actor: wire, connect: { " + to + " } } }\n");
  };
  CHECK(said("path: /run/x, tls: { ca: a.pem }")
            .find("tls: a path is no host that a certificate could be for") != std::string::npos);
  CHECK(said("path: /run/x, tls: { ca: a.pem, verify: none }").find("no host") == std::string::npos);
  CHECK(said("address: h, port: 1, tls: { ca: a.pem }").find("no host") == std::string::npos);
}

TEST_CASE(
    "a name that no child registers is warned about, once, and so is a route to what takes no requests") {
  test::spec_folder folder;
  const auto said = [&folder](const std::string& routes, const std::string& more = "") {
    const auto loaded = folder.load_tree(
        "        - { id: store, actor: kv, name: store }\n"
        "        - { id: bell, actor: latch, name: bell }\n"
        "        - { id: board, actor: board, name: board }\n"
        "        - id: site\n"
        "          web:\n"
        "            listen: [ { address: 127.0.0.1, port: 0 } ]\n"
        "            routes:\n" +
        routes + more);
    CHECK(loaded.spec);
    return spec::render(loaded.diagnostics);
  };
  const auto route = [](const std::string& to) {
    return "              - { path: \"/" + to + "/{x...}\", to: '" + to + "' }\n";
  };
  CHECK(said(route("bell")) == "");
  CHECK(said(route("top") + route("coppice_events") + route("else@other@10.0.0.7")) == "");
  const std::string twice = said(route("bel") + "              - { path: /two, to: bel }\n");
  CHECK(twice ==
        "node.yaml:17:44: warning: a route names the process 'bel', which no child of this configuration "
        "registers\n"
        "   17 |               - { path: \"/bel/{x...}\", to: 'bel' }\n"
        "      |                                            ^ did you mean 'bell'?\n");
  CHECK(said(route("far@n@127.0.0.1")).find("names the process 'far@n@127.0.0.1'") != std::string::npos);
  CHECK(said(route("store"))
            .find("warning: a route goes to the process 'store', whose actor 'kv' takes no web "
                  "requests") != std::string::npos);
  CHECK(said("              - { path: /s, actor: kv, upgrade: websocket }\n")
            .find("warning: a route goes to the actor 'kv', which takes no web requests") !=
        std::string::npos);
  CHECK(said(route("board")) == "");
  CHECK(said("              - { path: /b, to: board, upgrade: websocket }\n")
            .find("warning: a route goes to the process 'board', whose actor 'board' has no "
                  "handle_websocket") != std::string::npos);
  const std::string sse = said("              - { path: /b, actor: board, upgrade: sse }\n");
  CHECK(sse.find("warning: a route goes to the actor 'board', which has no handle_events") !=
        std::string::npos);
  CHECK(sse.find("each client of this upgrade is answered with 500") != std::string::npos);
  const std::string rest = said(route("bell"), R"(cron:
  jobs:
    - { name: a, at: "0 5 * * *", do: { send: { to: nobody } } }
    - { name: b, at: "0 5 * * *", do: { call: { to: stoer, message: size } } }
events: [ { name: sold, producer: shop } ]
)");
  for (const std::string_view one : {"a job names the process 'nobody'", "a job names the process 'stoer'",
                                     "an event names the process 'shop'", "did you mean 'store'?"})
    CHECK(rest.find(one) != std::string::npos);
  const std::string stage = folder.tree_errors(
      "        - { id: eats, actor: 'flow:consumer', name: eats, stage: { subscribe_to: [ { to: makes }, { "
      "to: eats "
      "} ] } }\n");
  CAPTURE(stage);
  CHECK(stage.find("a stage names the process 'makes'") != std::string::npos);
  CHECK(stage.find("the stage 'eats' subscribes to itself") != std::string::npos);
}

TEST_CASE("a job of a group's leader names a member of the group here, and a number of args for its term") {
  test::spec_folder folder;
  const auto said = [&folder](const std::string& job) {
    return folder.tree_errors(
        "        - { id: a, actor: group, name: ledger, raft: { members: [ ledger@n@127.0.0.1 ] } }\n"
        "        - { id: b, actor: kv, name: store }\n"
        "cron: { jobs: [ { name: one, at: '@daily', " +
        job + " } ] }\n");
  };
  CHECK(said("do: { send: { to: store } }, where: { one: ledger }").find("where") == std::string::npos);
  CHECK(said("do: { send: { to: store } }, where: { one: leder }")
            .find("error: where: no child of this configuration is a member of a Raft group by the name "
                  "'leder'") != std::string::npos);
  CHECK(said("do: { send: { to: store } }, where: { one: leder }").find("did you mean 'ledger'?") !=
        std::string::npos);
  CHECK(said("do: { send: { to: store } }, where: { one: store }")
            .find("is a member of a Raft group by the name 'store'") != std::string::npos);
  CHECK(said("do: { send: { to: store } }, where: { one: ledger, term: epoch }")
            .find("where.term: it is for start, and for remote with an actor") != std::string::npos);
  const std::string remote = "do: { remote: { node: m@h, actor: 'kv:kv', args: { epoch: ";
  CHECK(said(remote + "0 } } }, where: { one: ledger, term: epoch }").find("where") == std::string::npos);
  CHECK(said(remote + "none } } }, where: { one: ledger, term: epoch }")
            .find("where.term: the args have no number 'epoch', which it would replace") !=
        std::string::npos);
  CHECK(said("do: { send: { to: store } }, where: { term: epoch }").find("the key 'one' is missing") !=
        std::string::npos);
}

TEST_CASE("what stands twice, so that one of the two has no effect, is warned about") {
  test::spec_folder folder;
  const auto said = [&folder](const std::string& children) {
    const auto loaded = folder.load_tree("        - { id: bell, actor: latch, name: bell }\n" + children);
    CHECK(loaded.spec);
    return spec::render(loaded.diagnostics);
  };
  const auto site = [](const std::string& id, const std::string& port, const std::string& routes) {
    return "        - { id: " + id + ", web: { listen: [ { address: 127.0.0.1, port: " + port +
           " } ], routes: [ " + routes + " ] } }\n";
  };
  const std::string all = "{ path: '/{rest...}', to: bell }", items = "{ path: /items, to: bell }";
  CHECK(said(site("one", "80", items + ", " + all)) == "");
  CHECK(said(site("one", "80", all + ", " + items))
            .find("warning: no request comes to this route: the route /{rest...} before it takes all of "
                  "them") != std::string::npos);
  CHECK(said(site("one", "80", "{ method: GET, path: '/{rest...}', to: bell }, " + items)) == "");
  CHECK(said(site("one", "80", items) + site("two", "81", items)) == "");
  CHECK(said(site("one", "0", items) + site("two", "0", items)) == "");
  CHECK(said(site("one", "80", items) + site("two", "80", items))
            .find("warning: a second listener at 127.0.0.1:80 (tcp): it fails to start while the first one "
                  "is there") != std::string::npos);
  const auto datagrams = [](const std::string& id, const std::string& handlers) {
    return "        - { id: " + id +
           ", udp: { listen: [ { address: 127.0.0.1, port: 80 } ], actor: 'wire:ping', " +
           "handlers: " + handlers + " } }\n";
  };
  CHECK(said(site("one", "80", items) + datagrams("two", "1")) == "");
  CHECK(said(datagrams("one", "2") + datagrams("two", "2")).find("a second listener") == std::string::npos);
  CHECK(said(datagrams("one", "2") + datagrams("two", "1")).find("a second listener at 127.0.0.1:80 (udp)") !=
        std::string::npos);
}

TEST_CASE("a file that cannot be read is said so, without a line") {
  auto result = spec::load({"/nonexistent/node.yaml"});
  CHECK_FALSE(result.spec);
  CHECK(spec::render(result.diagnostics).find("/nonexistent/node.yaml: error: cannot be read: ") == 0);
}

TEST_CASE("long lines are shown in part, odd characters escaped, columns counted in characters") {
  test::spec_folder folder;
  CHECK(folder.errors("node: { name: n@h }\n\"\\u00fc\": 1\n") ==
        "node.yaml:2:1: error: unknown key 'ü'\n"
        "    2 | \"\\u00fc\": …\n"
        "      | ^ known here: node epmd distribution control plugins applications events cron\n");
  CHECK(folder.errors("node: { name: n@h, data: üü, wrkers: 1 }\n") ==
        "node.yaml:1:30: error: unknown key 'wrkers' in node\n"
        "    1 | node: { name: n@h, data: üü, wrkers: 1 }\n"
        "      |                              ^ did you mean 'workers'?\n");
  auto result = folder.load("node: { name: n@h, data: " + std::string(5000, 'x') + ", wrkers: 1 }\n");
  REQUIRE(result.diagnostics.size() == 1);
  CHECK(result.diagnostics[0].column == 5028);
  CHECK(result.diagnostics[0].excerpt.size() < 150);
  CHECK(result.diagnostics[0].excerpt.find("wrkers: 1 }") != std::string::npos);
}

TEST_CASE("plugins of actors that other nodes may start are the node's, and one that is not there is told") {
  test::spec_folder folder;
  const std::string head =
      "node: { name: n@127.0.0.1 }\nplugins: { path: [plugins] }\ndistribution:\n  allow:\n";
  const auto loaded =
      folder.load(head + "    spawn: [kv, \"bell:bell\"]\n    rpc: [\"m:f/1 => latch\", info]\n");
  REQUIRE(loaded.spec);
  std::vector<std::string> ids;
  for (const auto& file : loaded.spec->plugin_files) ids.push_back(file.id);
  CHECK(ids == std::vector<std::string>{"bell", "kv", "latch"});
  const auto other = folder.load(head + "    spawn: [nobody, \"kv:other\"]\n");
  REQUIRE(other.spec);
  const std::string told = spec::render(other.diagnostics);
  CHECK(told.find("no plugin 'nobody'") != std::string::npos);
  CHECK(told.find("the plugin 'kv' has no actor 'other'") != std::string::npos);
}
