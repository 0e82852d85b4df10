// SPDX-License-Identifier: MIT
// Tests that each kind of change between two configurations is found, and nothing else.
#include "spec/diff.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <random>

#include "fixture.hpp"

using namespace coppice;
using spec::change_kind;

namespace {

std::string_view text(change_kind kind) {
  switch (kind) {
    case change_kind::start:
      return "start";
    case change_kind::stop:
      return "stop";
    case change_kind::restart:
      return "restart";
    case change_kind::reconfigure:
      return "reconfigure";
    case change_kind::update:
      return "update";
  }
  return "";
}

std::string line(change_kind what, const std::string& path, const std::vector<std::string>& keys) {
  return fmt::format("{} {}{}{}\n", text(what), path, keys.empty() ? "" : ": ", fmt::join(keys, " "));
}

std::string lines(const spec::supervisor_change& of, const std::string& path) {
  std::string out;
  if (!of.keys.empty() || of.reordered)
    out += line(change_kind::update, path + "/", of.keys) + (of.reordered ? "reordered\n" : "");
  for (const spec::child_change& one : of.children) {
    const std::string below = path + "/" + (one.after ? one.after : one.before)->id;
    if (!one.inside || !one.keys.empty()) out += line(one.what, below, one.keys);
    if (one.inside) out += lines(*one.inside, below);
  }
  return out;
}

// One line for each change: "restart demo/kv: name".
std::string lines(const spec::difference& found) {
  std::string out;
  for (const auto& one : found.settings)
    out += fmt::format("{}{}: {} -> {}\n", one.while_running ? "set " : "", one.key, one.before, one.after);
  for (const auto& one : found.applications) {
    const std::string& name = (one.after ? one.after : one.before)->name;
    if (!one.inside || !one.keys.empty()) out += line(one.what, name, one.keys);
    if (one.inside) out += lines(*one.inside, name);
  }
  return out + (found.reordered ? "reordered\n" : "");
}

spec::node_spec loaded(const test::spec_folder& folder, const std::string& text) {
  auto outcome = folder.load(text);
  REQUIRE_MESSAGE(outcome.spec, spec::render(outcome.diagnostics));
  return std::move(*outcome.spec);
}

// Removes the fingerprints, so that children have to be compared one by one.
void forget_prints(spec::supervisor_spec& of) {
  of.prints.clear();
  for (spec::child_spec& child : of.children)
    if (child.supervisor) forget_prints(*child.supervisor);
}

// Whether children were inserted in the top supervisor of the one application that changed.
bool inserted(const spec::difference& found) {
  return found.applications.size() == 1 && found.applications[0].inside &&
         found.applications[0].inside->inserted;
}

std::string difference(const std::string& before, const std::string& after) {
  test::spec_folder folder;
  spec::node_spec old_one = loaded(folder, before);
  const spec::node_spec new_one = loaded(folder, after);
  const spec::difference by_prints = spec::diff(old_one, new_one);
  std::string found = lines(by_prints);
  const bool in_front = inserted(by_prints);
  for (spec::application_spec& one : old_one.applications) forget_prints(one.supervisor);
  const spec::difference by_looking = spec::diff(old_one, new_one);
  CHECK(lines(by_looking) == found);
  CHECK(inserted(by_looking) == in_front);
  return found;
}

// The difference of two lists of children of `demo`, given one child a line.
std::string of_children(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  const auto whole = [](const std::vector<std::string>& children) {
    std::string out = test::spec_folder::head;
    for (const std::string& child : children) out += "        - { " + child + " }\n";
    return out;
  };
  return difference(whole(before), whole(after));
}

constexpr const char* head = "node: { name: n@127.0.0.1 }\nplugins: { path: [plugins] }\n";

} // namespace

TEST_CASE("a setting that is a secret, or has one in it, is named without the value") {
  const test::spec_folder folder;
  const auto with = [&folder](const std::string& keys) {
    return loaded(folder, "node: { name: n@127.0.0.1 }\n" + keys);
  };
  const auto job = [](const std::string& password) {
    return "cron: { jobs: [ { name: j, at: '* * * * *', do: { start: { supervisor: s, actor: kv, args: { "
           "max_entries: 1, "
           "password: " +
           password + " } } } } ] }\n";
  };
  spec::load_options without_plugins;
  without_plugins.plugins = false;
  const auto of = [&](const std::string& yaml) {
    auto outcome = folder.load("node: { name: n@127.0.0.1 }\n" + yaml, without_plugins);
    REQUIRE_MESSAGE(outcome.spec, spec::render(outcome.diagnostics));
    return std::move(*outcome.spec);
  };
  for (const auto& [before, after] :
       {std::pair(of(job("hunter2")), of(job("hunter3"))), std::pair(of(""), of(job("hunter2")))}) {
    const std::string told = lines(spec::diff(before, after));
    CAPTURE(told);
    CHECK(told.find("cron") != std::string::npos);
    CHECK(told.find("…") != std::string::npos);
    CHECK(told.find("hunter") == std::string::npos);
  }
  CHECK(lines(spec::diff(with("control: { http: { token: { env: FIRST } } }\n"),
                         with("control: { http: { token: { env: SECOND } } }\n"))) ==
        "control.http.token.env: \"…\" -> \"…\"\n");
}

TEST_CASE("a configuration does not differ from itself") {
  CHECK(of_children({"id: a, actor: kv", "id: b, actor: 'pair:first', args: { x: 1 }"},
                    {"id: a, actor: kv", "id: b, actor: 'pair:first', args: { x: 1 }"}) == "");
  CHECK(of_children({"id: a, actor: kv"}, {"id: a, actor: 'kv:kv', restart: permanent, shutdown: 5s"}) == "");
}

TEST_CASE("every key of a child leads to what it takes to change it") {
  const std::string kv = "id: a, actor: kv";
  struct row {
    std::string more;
    std::string expected;
  };
  const row rows[] = {
      {", name: n", "restart demo/a: name\n"},
      {", mailbox: { limit: 5 }", "restart demo/a: mailbox\n"},
      {", priority: high", "restart demo/a: priority\n"},
      {", args: { room: 2MB }", "reconfigure demo/a: args.room\n"},
      {", args: { room: 2MB }, name: n", "restart demo/a: name args.room\n"},
      {", args: { room: 2MB }, shutdown: 1s", "reconfigure demo/a: args.room shutdown\n"},
      {", restart: transient", "update demo/a: restart\n"},
      {", shutdown: brutal_kill", "update demo/a: shutdown\n"},
      {", backoff: { first: 1s }", "update demo/a: backoff\n"},
      {", compression: { level: 1 }", "update demo/a: compression\n"},
  };
  for (const row& each : rows) {
    CAPTURE(each.more);
    CHECK(of_children({kv}, {kv + each.more}) == each.expected);
    CHECK(of_children({"id: z, actor: kv", kv, "id: y, actor: kv"},
                      {"id: z, actor: kv", kv + each.more, "id: y, actor: kv"}) == each.expected);
  }
  CHECK(of_children({kv}, {"id: a, actor: 'pair:first'"}).starts_with("restart demo/a: actor"));
  CHECK(of_children({kv}, {"id: a, supervisor: { children: [] }"})
            .starts_with("restart demo/a: actor supervisor"));
}

TEST_CASE("every key of a listener, or of what connects, leads to what it takes to change it") {
  const std::string listens = "id: a, tcp: { listen: [{ address: 127.0.0.1, port: 1 }], actor: wire";
  const std::string connects = "id: a, tcp: { connect: { address: there, port: 1 }, actor: 'wire:plug'";
  struct row {
    std::string of;
    std::string more;
    std::string expected;
  };
  const row rows[] = {
      {listens, ", max_connections: 5", "update demo/a: tcp.max_connections\n"},
      {listens, ", frame: { kind: line }, read: { idle: 1s }, write: { high: 2MiB }",
       "update demo/a: tcp.frame tcp.read tcp.write\n"},
      {listens, ", nodelay: false", "update demo/a: tcp.nodelay\n"},
      {connects, ", nodelay: false", "restart demo/a: tcp.nodelay\n"},
      {listens, ", keepalive: 1s, half_close: true, access: { deny: [ 10.0.0.0/8 ] }",
       "update demo/a: tcp.keepalive tcp.half_close tcp.access\n"},
      {listens, ", proxy_protocol: { accept: v1 }, drain: 1s, mailbox: { limit: 1 }, unhandled: log",
       "update demo/a: tcp.proxy_protocol tcp.drain tcp.mailbox tcp.unhandled\n"},
      {listens, ", accept_backlog: 5, shed: true", "restart demo/a: tcp.shed tcp.accept_backlog\n"},
      {connects, ", frame: { kind: line }, half_close: true", "restart demo/a: tcp.frame tcp.half_close\n"},
      {connects, ", read: { idle: 1s }, unhandled: log", "restart demo/a: tcp.read tcp.unhandled\n"},
  };
  for (const row& each : rows) {
    CAPTURE(each.more);
    CHECK(of_children({each.of + " }"}, {each.of + each.more + " }"}) == each.expected);
  }
  CHECK(of_children({listens + " }"}, {"id: a, tcp: { listen: [{ socket: web }], actor: wire }"}) ==
        "restart demo/a: tcp.listen\n");
  CHECK(of_children({connects + " }"}, {"id: a, tcp: { connect: { path: /there }, actor: 'wire:plug' }"}) ==
        "restart demo/a: tcp.connect\n");
  CHECK(of_children({"id: p, name: p, pool: { actor: wire }", listens + " }"},
                    {"id: p, name: p, pool: { actor: wire }",
                     "id: a, tcp: { listen: [{ address: 127.0.0.1, port: 1 }], handlers: { pool: p } }"})
            .find("tcp.handlers") != std::string::npos);
}

TEST_CASE("a router's options change as it runs") {
  const std::string routes = "id: a, actor: sorter, router: { routes: [ { name: x, to: ";
  CHECK(of_children({routes + "b } ] }"}, {routes + "c } ] }"}) == "update demo/a: router\n");
  CHECK(of_children({routes + "b } ] }"}, {routes + "b } ], on_failed: drop }"}) ==
        "update demo/a: router\n");
  CHECK(of_children({routes + "b } ] }"}, {"id: a, actor: sorter"}) == "update demo/a: router\n");
  CHECK(of_children({routes + "b } ] }"}, {routes + "b } ] }"}).empty());
}

TEST_CASE(
    "a group's first members are without effect once it runs, and what else is changed starts its member "
    "again") {
  const std::string group = "id: a, actor: group, name: a, raft: { members: [ a@n@127.0.0.1 ]";
  CHECK(of_children({group + " }"}, {"id: a, actor: group, name: a, raft: { join: [ b@n@h ] }"}) ==
        "update demo/a: raft.members raft.join\n");
  for (const std::string more : {"heartbeat: 50ms", "election: 2s", "append_timeout: 1s", "query_timeout: 1s",
                                 "check: 5", "from: [ x ]"}) {
    CAPTURE(more);
    CHECK(of_children({group + " }"}, {group + ", " + more + " }"}) ==
          "restart demo/a: raft." + more.substr(0, more.find(':')) + "\n");
  }
  CHECK(of_children({group + " }"}, {group + ", limits: { pending: 7 }, snapshot: { entries: 5 } }"}) ==
        "restart demo/a: raft.snapshot.entries raft.limits.pending\n");
}

TEST_CASE("sockets that are changed start their actor again, and what is its supervisor's does not") {
  const std::string has = "id: a, udp: { listen: [{ address: 127.0.0.1, port: 1 }], actor: 'wire:ping'";
  for (const std::string more : {"handlers: 2", "max_datagram: 5B", "receive_buffer: 0B", "batch: 2",
                                 "unhandled: log", "multicast: { ttl: 2 }"}) {
    CAPTURE(more);
    CHECK(of_children({has + " }"}, {has + ", " + more + " }"}) ==
          "restart demo/a: udp." + more.substr(0, more.find(':')) + "\n");
  }
  CHECK(of_children({has + " }"}, {has + " }, restart: transient"}) == "update demo/a: restart\n");
  CHECK(of_children({has + " }"},
                    {"id: a, udp: { listen: [{ address: 127.0.0.1, port: 2 }], actor: 'wire:ping' }"}) ==
        "restart demo/a: udp.listen\n");
}

TEST_CASE("a program that is changed starts its actor again, and what is its supervisor's does not") {
  const std::string has = "id: a, port: { command: [ /bin/cat ], actor: wire";
  for (const std::string more :
       {"environment: [ A=b ]", "clean_environment: true", "directory: /", "frame: { kind: line }",
        "credit: 5B", "write: { high: 5B }", "stderr: discard", "kill_after: 1s", "limits: { cpu: 1s }",
        "unhandled: log"}) {
    CAPTURE(more);
    CHECK(of_children({has + " }"}, {has + ", " + more + " }"}) ==
          "restart demo/a: port." + more.substr(0, more.find(':')) + "\n");
  }
  CHECK(of_children({has + " }"}, {"id: a, port: { command: [ /bin/true ], actor: wire }"}) ==
        "restart demo/a: port.command\n");
  CHECK(of_children({has + " }"}, {has + " }, restart: transient"}) == "update demo/a: restart\n");
}

TEST_CASE("every key of a web server but its places is taken over as it runs") {
  const std::string site = "id: a, web: { listen: [{ address: 127.0.0.1, port: 1 }]";
  const std::pair<std::string, std::string> rows[] = {
      {", routes: [ { path: /, to: a } ], hosts: [ h ], headers: [ { name: A, value: b } ]",
       "update demo/a: web.routes web.hosts web.headers\n"},
      {", routes: [ { path: /, actor: 'pair:second', args: { to: ab }, upgrade: sse } ]",
       "update demo/a: web.routes\n"},
      {", timeouts: { idle: 1s }, limits: { connections: 5 }, access: { deny: [ 10.0.0.0/8 ] }",
       "update demo/a: web.timeouts web.limits web.access\n"},
      {", cors: { origins: [ '*' ] }, proxies: [ 10.0.0.1 ], compress_from: 1KiB",
       "update demo/a: web.cors web.proxies web.compress_from\n"},
      {", access_log: common, drain: 1s", "update demo/a: web.access_log web.drain\n"},
      {", sse: { heartbeat: 1s }", "update demo/a: web.sse\n"},
      {", websocket: { ping: 1s }", "update demo/a: web.websocket\n"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.first);
    CHECK(of_children({site + " }"}, {site + row.first + " }"}) == row.second);
  }
  CHECK(of_children({site + " }"}, {"id: a, web: { listen: [{ socket: web }] }"}) ==
        "restart demo/a: web.listen\n");
}

TEST_CASE("a stage that is changed starts again") {
  CHECK(of_children({"id: a, actor: 'flow:producer'"},
                    {"id: a, actor: 'flow:producer', stage: { demand_step: 5 }"}) ==
        "restart demo/a: stage\n");
  const std::string consumer = "id: a, actor: 'flow:consumer', stage: { subscribe_to: [ { to: b";
  CHECK(of_children({consumer + " } ] }"}, {consumer + ", max_demand: 5 } ] }"}) ==
        "restart demo/a: stage\n");
  CHECK(of_children({consumer + " } ] }"}, {consumer + " } ] }"}).empty());
}

TEST_CASE("every key of a pool leads to what it takes to change it") {
  struct row {
    std::string more;
    std::string expected;
  };
  const row rows[] = {
      {", size: 9", "update demo/a: pool.size\n"},
      {", in_flight: 2", "update demo/a: pool.in_flight\n"},
      {", queue: { limit: 1 }", "update demo/a: pool.queue.limit\n"},
      {", queue: { wait: infinity, on_full: drop_new }",
       "update demo/a: pool.queue.wait pool.queue.on_full\n"},
      {", queue: { on_full: park_sender, limit: 5 }",
       "restart demo/a: pool.queue.on_full pool.queue.limit\n"},
      {", on_worker_death: retry_once", "update demo/a: pool.on_worker_death\n"},
      {", drain: 1s, intensity: 9, period: 1s", "update demo/a: pool.drain pool.intensity pool.period\n"},
      {", dispatch: hash, key: element 2", "restart demo/a: pool.dispatch pool.key\n"},
      {", args: { room: 2MB }", "restart demo/a: pool.args.room\n"},
      {", unhandled: log", "restart demo/a: pool.unhandled\n"},
      {", shutdown: 1s, backoff: { first: 1s }", "restart demo/a: pool.backoff pool.shutdown\n"},
      {", mailbox: { limit: 5 }, size: 2", "restart demo/a: pool.mailbox pool.size\n"},
  };
  for (const row& each : rows) {
    CAPTURE(each.more);
    CHECK(of_children({"id: a, pool: { actor: kv }"}, {"id: a, pool: { actor: kv" + each.more + " }"}) ==
          each.expected);
  }
  CHECK(of_children({"id: a, pool: { actor: kv, queue: { on_full: park_sender, limit: 5 } }"},
                    {"id: a, pool: { actor: kv, queue: { on_full: park_sender, limit: 6, wait: 1s } }"}) ==
        "restart demo/a: pool.queue.limit pool.queue.wait\n");
  CHECK(of_children({"id: a, pool: { actor: kv }"}, {"id: a, pool: { actor: 'pair:first' }"})
            .starts_with("restart demo/a: actor"));
  CHECK(
      of_children({"id: a, actor: kv"}, {"id: a, pool: { actor: kv }"}).starts_with("restart demo/a: pool"));
}

TEST_CASE("how many events a state machine postpones takes a restart to change") {
  const std::string bounded = "id: a, actor: latch, statem: { postponed: { limit: 5 } }";
  CHECK(of_children({"id: a, actor: latch"}, {bounded}) == "restart demo/a: statem\n");
  CHECK(of_children({bounded}, {"id: a, actor: latch, statem: { postponed: { limit: 5, on_full: exit } }"}) ==
        "");
  CHECK(of_children({bounded},
                    {"id: a, actor: latch, statem: { postponed: { limit: 5, on_full: drop_old } }"}) ==
        "restart demo/a: statem\n");
}

TEST_CASE("a consumer supervisor that is changed starts again, and its children with it") {
  const std::string one =
      "id: a, consumer_supervisor: { template: { actor: kv }, subscribe_to: [ { to: b } ] }";
  CHECK(of_children({one}, {one}) == "");
  for (const char* other :
       {"template: { actor: kv }", "template: { actor: kv, restart: temporary }, subscribe_to: [ { to: b } ]",
        "template: { actor: kv, args: { max_entries: 3 } }, subscribe_to: [ { to: b } ]",
        "template: { actor: kv }, subscribe_to: [ { to: b, max_demand: 5 } ]",
        "template: { actor: kv }, subscribe_to: [ { to: b } ], intensity: 7"})
    CHECK(of_children({one}, {std::string("id: a, consumer_supervisor: { ") + other + " }"}) ==
          "restart demo/a: consumer_supervisor\n");
  CHECK(of_children({one}, {one + ", shutdown: 1s"}) == "update demo/a: shutdown\n");
}

TEST_CASE(
    "an event manager with other handlers or bounds begins anew, one with another name of them does, too") {
  const std::string one = "id: a, event_manager: { handlers: [ { id: x, actor: bell } ] }";
  CHECK(of_children({one}, {one}) == "");
  for (const char* other : {"handlers: [ { id: y, actor: bell } ]", "handlers: []",
                            "handlers: [ { id: x, actor: bell, restart: permanent } ]",
                            "handlers: [ { id: x, actor: bell, args: { every: 2s } } ]",
                            "handlers: [ { id: x, actor: bell } ], slow_after: 1s",
                            "handlers: [ { id: x, actor: bell } ], backlog: { limit: 7 }"})
    CHECK(of_children({one}, {std::string("id: a, event_manager: { ") + other + " }"}) ==
          "restart demo/a: event_manager\n");
  CHECK(of_children({one}, {one + ", shutdown: 1s"}) == "update demo/a: shutdown\n");
  CHECK(of_children({"id: a, actor: kv"}, {one}).starts_with("restart demo/a: "));
}

TEST_CASE("a changed default in a plugin's schema changes children whose lines did not") {
  test::spec_folder folder;
  const std::string text = std::string(test::spec_folder::head) + "        - { id: a, actor: kv }\n" +
                           "        - { id: s, supervisor: { children: [ { id: b, actor: kv } ] } }\n";
  const spec::node_spec before = loaded(folder, text);
  CHECK(lines(spec::diff(before, loaded(folder, text))) == "");
  const std::string file = std::string(folder.path()) + "/plugins/kv.so";
  std::string image = test::read_file(file);
  const std::size_t at = image.find("\"default\": \"1s\"");
  REQUIRE(at != image.npos);
  image.replace(at, 15, "\"default\": \"2s\"");
  folder.write("plugins/kv.so", image);
  CHECK(lines(spec::diff(before, loaded(folder, text))) ==
        "reconfigure demo/a: args.every\nreconfigure demo/s/b: args.every\n");
}

TEST_CASE("what changed is found wherever it stands, by fingerprints as by looking at every child") {
  std::mt19937 random(11);
  for (int turn = 0; turn < 60; ++turn) {
    std::vector<std::string> before, after;
    int next = 0;
    const auto fresh = [&next] { return fmt::format("id: c{}, actor: kv", next++); };
    for (int i = 0; i < 8; ++i) before.push_back(fresh());
    after = before;
    for (std::uint32_t change = random() % 4; change > 0; --change) {
      const auto at = static_cast<std::ptrdiff_t>(random() % after.size());
      switch (random() % 4) {
        case 0:
          after.erase(after.begin() + at);
          break;
        case 1:
          after.insert(after.begin() + at, fresh());
          break;
        case 2:
          after[static_cast<std::size_t>(at)] += fmt::format(", name: n{}", next++);
          break;
        default:
          std::swap(after[static_cast<std::size_t>(at)], after.back());
      }
      if (after.size() < 2) break;
    }
    if (std::any_of(after.begin(), after.end(),
                    [](const std::string& one) { return one.find("name") != one.rfind("name"); }))
      continue;
    CAPTURE(turn);
    const std::string found = of_children(before, after); // compares with and without fingerprints
    CHECK(found.empty() == (before == after));
  }
}

TEST_CASE("children that are gone stop in reverse, before others start") {
  CHECK(of_children({"id: a, actor: kv", "id: b, actor: kv", "id: c, actor: kv"},
                    {"id: b, actor: kv", "id: d, actor: kv", "id: e, actor: kv"}) ==
        "stop demo/c\nstop demo/a\nstart demo/d\nstart demo/e\n");
}

TEST_CASE("an order that changed is a change of the supervisor, not of its children") {
  CHECK(of_children({"id: a, actor: kv", "id: b, actor: kv"}, {"id: b, actor: kv", "id: a, actor: kv"}) ==
        "update demo/\nreordered\n");
  CHECK(of_children({"id: a, actor: kv"}, {"id: b, actor: kv", "id: a, actor: kv"}) == "start demo/b\n");
}

TEST_CASE("a nested supervisor goes on while something inside it changes") {
  CHECK(of_children({"id: s, supervisor: { children: [ { id: x, actor: kv } ] }"},
                    {"id: s, supervisor: { intensity: 9, children: [ { id: y, actor: kv } ] }"}) ==
        "update demo/s/: intensity\nstop demo/s/x\nstart demo/s/y\n");
  CHECK(of_children(
            {"id: s, supervisor: { children: [ { id: x, actor: kv } ] }"},
            {"id: s, supervisor: { strategy: simple_one_for_one, children: [ { id: x, actor: kv } ] }"}) ==
        "restart demo/s: supervisor.strategy\n");
}

TEST_CASE("a template that changes stops nothing that was made from it") {
  const auto template_of = [](const std::string& child) {
    return "id: s, supervisor: { strategy: simple_one_for_one, children: [ { " + child + " } ] }";
  };
  CHECK(of_children({template_of("id: x, actor: kv")}, {template_of("id: x, actor: kv, name: n")}) ==
        "update demo/s/x: name\n");
  CHECK(of_children({template_of("id: x, actor: kv")}, {template_of("id: y, actor: kv")}) ==
        "update demo/s/y: id\n");
}

TEST_CASE("applications start, stop and are told the rest") {
  const std::string one =
      std::string(head) + "applications:\n  - { name: a, supervisor: { children: [] } }\n";
  CHECK(
      difference(one, std::string(head) + "applications: [ { name: b, supervisor: { children: [] } } ]\n") ==
      "stop a\nstart b\n");
  CHECK(difference(one, one + "    \n") == "");
  CHECK(difference(one, std::string(head) + "applications: [ { name: a, env: { g: 1 }, type: permanent, "
                                            "supervisor: { children: [] } } ]\n") ==
        "update a: env.g type\n");
  CHECK(difference(one, std::string(head) + "applications: [ { name: a, max_runtime: 1h, "
                                            "supervisor: { name: s, children: [] } } ]\n") ==
        "update a: max_runtime\nupdate a/: name\n");
}

TEST_CASE("keys outside the applications are named with both values, and whether they can change") {
  CHECK(difference(
            "node: { name: n@127.0.0.1 }\n",
            "node: { name: m@127.0.0.1, workers: 3, log: { level: debug } }\ncontrol: { mode: '0600' }\n") ==
        "node.name: \"n@127.0.0.1\" -> \"m@127.0.0.1\"\n"
        "node.workers: \"auto\" -> 3\n"
        "set node.log.level: \"info\" -> \"debug\"\n"
        "control.mode: \"0660\" -> \"0600\"\n");
}

TEST_CASE("jobs are told apart by their names, and can change") {
  const std::string bare = "node: { name: n@127.0.0.1 }\n";
  const std::string one = "{ name: one, at: '@daily', do: { send: { to: a } } }";
  const std::string two = "{ name: two, at: '@hourly', do: { cast: { to: b, message: '{x, 1}' } } }";
  const auto jobs = [&bare](const std::string& list) { return bare + "cron: { jobs: [ " + list + " ] }\n"; };
  CHECK(difference(jobs(one + ", " + two), jobs(two + ", " + one)) == "");
  CHECK(difference(jobs(one), jobs("{ name: one, at: '@daily', do: { send: { to: c } }, jitter: 5s }")) ==
        "set cron.jobs.one.do.send.to: \"a\" -> \"c\"\n"
        "set cron.jobs.one.jitter: \"0s\" -> \"5s\"\n");
  CHECK(difference(jobs(one), jobs("{ name: one, at: '@daily', do: { send: { to: a } }, where: one }")) ==
        "set cron.jobs.one.where: \"node\" -> \"one\"\n");
  CHECK(difference(jobs(one), bare).starts_with("set cron.jobs.one: {\"at\":\"@daily\""));
  CHECK(difference(bare, jobs(one)).starts_with("set cron.jobs.one: null -> {"));
  CHECK(difference(bare, bare + "cron: { timezone: UTC }\n") == "set cron.timezone: \"local\" -> \"UTC\"\n");
}

TEST_CASE("events are told apart by their names, and all of them can change") {
  const std::string bare = "node: { name: n@127.0.0.1 }\n";
  const auto events = [&bare](const std::string& list) { return bare + "events: [ " + list + " ]\n"; };
  CHECK(difference(events("{ name: a }, { name: b }"), events("{ name: b }, { name: a }")) == "");
  CHECK(difference(events("{ name: a }"), events("{ name: a, slow: park }")) ==
        "set events.a.slow: \"drop_old\" -> \"park\"\n");
  CHECK(difference(bare, events("{ name: a }")).starts_with("set events.a: null -> {"));
  CHECK(difference(events("{ name: a }"), bare).starts_with("set events.a: {"));
}

TEST_CASE("of the log all but its format can change") {
  CHECK(difference(
            "node: { name: n@127.0.0.1, log: { modules: { net: debug, dist: error } } }\n",
            "node: { name: n@127.0.0.1, log: { modules: { net: trace }, rate: { per_source: 5/s, burst: 7 "
            "}, messages: false, files: [ { path: /tmp/x } ], handlers: [ { name: a, to: { syslog: "
            "'127.0.0.1:514' } } ], format: json } }\n") ==
        "node.log.format: \"auto\" -> \"json\"\n"
        "set node.log.modules.net: \"debug\" -> \"trace\"\n"
        "set node.log.modules.dist: \"error\" -> null\n"
        "set node.log.rate.per_source: \"100/s\" -> \"5/s\"\n"
        "set node.log.rate.burst: 500 -> 7\n"
        "set node.log.messages: true -> false\n"
        "set node.log.files: [] -> "
        "[{\"path\":\"/tmp/x\",\"level\":\"trace\",\"rotate\":{\"bytes\":\"64MiB\",\"keep\":10}}]\n"
        "set node.log.handlers: [] -> "
        "[{\"name\":\"a\",\"to\":{\"syslog\":\"127.0.0.1:514\"},\"level\":\"info\",\"modules\":{},"
        "\"queue\":{\"limit\":10000,\"on_full\":\"drop_old\"}}]\n");
}
