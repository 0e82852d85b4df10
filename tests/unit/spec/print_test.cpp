// SPDX-License-Identifier: MIT
// Tests that the effective configuration, when it is loaded again, is the same configuration.
#include <doctest/doctest.h>

#include <coppice/etf/writer.hpp>

#include "fixture.hpp"
#include "spec/cron_options.hpp"
#include "spec/kinds/consumer_supervisor.hpp"
#include "spec/kinds/event_manager.hpp"
#include "spec/kinds/pool.hpp"
#include "spec/kinds/port.hpp"
#include "spec/kinds/raft.hpp"
#include "spec/kinds/router.hpp"
#include "spec/kinds/saga.hpp"
#include "spec/kinds/stage.hpp"
#include "spec/kinds/statem.hpp"
#include "spec/kinds/tcp.hpp"
#include "spec/kinds/udp.hpp"
#include "spec/kinds/web.hpp"
#include "spec/passed_names.hpp"
#include "spec/schema/args_schema.hpp"

using namespace coppice;

namespace {

// The diagnostics, without those about names that no child of these fragments registers.
std::string said(std::vector<spec::diagnostic> all) {
  std::erase_if(all, [](const spec::diagnostic& one) {
    return one.message.find("which no child of this configuration registers") != std::string::npos;
  });
  return spec::render(all);
}

// Checks that the text loads, and that the result prints the same text.
std::optional<spec::node_spec> check_read_back(const std::string& text) {
  auto again = spec::load_text(text, "effective.yaml", "/");
  CHECK(said(again.diagnostics) == "");
  REQUIRE(again.spec);
  CHECK(spec::effective_yaml(*again.spec) == text);
  return std::move(again.spec);
}

} // namespace

TEST_CASE("the effective configuration loads, and prints itself again") {
  test::spec_folder folder;
  folder.write("plugins/on.so", ""); // logs under its own name
  auto first = folder.load(
      std::string(test::spec_folder::head) +
          "        - { id: 'yes: no', actor: kv, name: 'true', shutdown: 90s, args: { room: 1MB, mode: fast "
          "} }\n"
          "        - { id: inner, supervisor: { children: [{ id: x, actor: 'pair:first', args: { a: [1, {}, "
          "[], "
          "~], b: "
          "\"q\\\"\" } }] } }\n"
          "    env: { greeting: 'on', n: -1.5 }\n",
      {.set = {
           {"node.log.modules", "{ dist: debug, on: error }"},
           {"node.log.rate.per_source", "unlimited"},
           {"node.log.files", "[{ path: /tmp/a.log, level: error, rotate: { bytes: 1MiB, keep: 0 } }]"},
           {"node.log.handlers",
            "[{ name: far, to: { syslog: '[::1]:514' } }, { name: near, to: { actor: kv, args: { every: 90s "
            "} }, level: error, modules: { net: trace }, queue: { limit: 7, on_full: drop_new } }]"}}});
  CHECK(said(first.diagnostics) == "");
  REQUIRE(first.spec);
  const auto text = spec::effective_yaml(*first.spec);
  CHECK(text.find("every: 90s\n") != std::string::npos);
  const auto second = check_read_back(text);
  CHECK(second->node.log.handlers[1].to.args == first.spec->node.log.handlers[1].to.args);
  CHECK(second->node.log.handlers[1].to.actor_type == "kv");
  CHECK(second->applications[0].supervisor.children[0].args ==
        first.spec->applications[0].supervisor.children[0].args);
  CHECK(second->applications[0].env == first.spec->applications[0].env);
}

TEST_CASE("what is printed of args has durations with their unit, wherever the schema has them") {
  test::spec_folder folder;
  auto first = folder.load_tree(
      "        - { id: a, actor: kv }\n"
      "        - { id: b, actor: kv, args: { every: 90s, room: 64KiB, max_entries: 5 } }\n"
      "        - { id: c, actor: kv, args: { every: 0ms } }\n");
  REQUIRE(first.spec);
  const auto text = spec::effective_yaml(*first.spec);
  for (const char* line : {"every: 1s\n", "every: 90s\n", "every: 0s\n", "room: 65536\n", "max_entries: 5\n"})
    CHECK_MESSAGE(text.find(line) != std::string::npos, line);
  const auto second = check_read_back(text);
}

TEST_CASE("a web server prints itself, and reads back") {
  test::spec_folder folder;
  const auto first = folder.load_tree(
      "        - { id: a, web: { listen: [ { socket: front }, { address: 127.0.0.1, port: 1, tls: on } ], "
      "routes: [ "
      "{ method: GET, path: '/a/{b}', to: x@y@z, timeout: 7s, body: streamed, limits: { body: 2GiB }, "
      "headers: [ { name: A, value: b } ] "
      "}, "
      "{ path: /e, to: x, upgrade: sse }, { path: /w, to: x, upgrade: websocket }, "
      "{ path: /o, actor: 'pair:second', args: { to: ab }, mailbox: { limit: 7 }, unhandled: log, upgrade: "
      "sse "
      "}, { path: '/f/{g...}', files: h, index: i }, { path: '/{c...}', "
      "redirect: { to: /d, status: 302 } } ], "
      "hosts: [ h ], limits: { in_flight: 5 }, "
      "timeouts: { idle: 9s }, sse: { queue: 1MiB }, websocket: { max_message: 3KiB, pong: 3s }, access_log: "
      "json, drain: 1s, compress_from: 2KiB, "
      "proxies: [ 10.0.0.0/8 ], "
      "cors: { origins: [ 'https://a.example' ], credentials: true, max_age: 10m } } }\n");
  CHECK(said(first.diagnostics) == "");
  REQUIRE(first.spec);
  const auto& child = first.spec->applications[0].supervisor.children[0];
  REQUIRE(child.find<spec::web_options>() != nullptr);
  CHECK(child.shutdown.how == tree::shutdown_limit::kind::infinity);
  CHECK(child.find<spec::web_options>()->routes[0].timeout == std::chrono::seconds(7));
  CHECK(child.find<spec::web_options>()->routes[1].upgrade == tree::web_upgrade::sse);
  CHECK(child.find<spec::web_options>()->routes[2].upgrade == tree::web_upgrade::websocket);
  const spec::web_route& own = child.find<spec::web_options>()->routes[3];
  CHECK((own.plugin + ":" + own.actor_type + " " + own.behaviour) == "pair:second server");
  CHECK(own.mailbox.limit == 7);
  CHECK(child.find<spec::web_options>()->routes[4].files == folder.file("h"));
  CHECK(child.find<spec::web_options>()->routes[5].redirect->status == 302);
  CHECK(spec::passed_names(*first.spec) == std::set<std::string, std::less<>>{"front"});
  const auto text = spec::effective_yaml(*first.spec);
  for (const char* line :
       {"to: x@y@z\n", "body: streamed\n", "body: 2GiB\n", "idle: 9s\n", "access_log: json\n",
        "in_flight: 5\n", "index: i\n", "upgrade: sse\n", "queue: 1MiB\n", "upgrade: websocket\n",
        "max_message: 3KiB\n", "limit: 7\n", "pong: 3s\n"})
    CHECK_MESSAGE(text.find(line) != std::string::npos, line);
  const auto second = check_read_back(text);
}

TEST_CASE("listeners and what connects print themselves, and read back") {
  test::spec_folder folder;
  const auto first = folder.load_tree(
      "        - { id: a, tcp: { actor: wire, shed: true, listen: [ { socket: web, tls: { certificate: /c, "
      "key: "
      "/k, verify: none }, alpn: [ x ], sni: { shop.example: { certificate: /d, key: /l } } }, { path: "
      "/run/x, "
      "mode: \"0600\" } ] } }\n"
      "        - { id: b, tcp: { connect: { address: there, port: 1, tls: on, timeout: 90s, backoff: { "
      "first: 1s "
      "} }, actor: 'wire:plug' } }\n"
      "        - { id: c, name: c, pool: { actor: wire } }\n"
      "        - { id: d, tcp: { listen: [ { address: 127.0.0.1, port: 0 } ], handlers: { pool: c } } }\n");
  CHECK(said(first.diagnostics) == "");
  REQUIRE(first.spec);
  const auto& children = first.spec->applications[0].supervisor.children;
  CHECK(children[0].find<spec::tcp_options>()->listen[0].sni[0].name == "shop.example");
  CHECK(children[0].shutdown.how == tree::shutdown_limit::kind::infinity);
  CHECK(children[1].shutdown.how == tree::shutdown_limit::kind::after);
  CHECK(children[1].find<spec::tcp_options>()->connect->timeout == std::chrono::seconds(90));
  CHECK(children[3].find<spec::tcp_options>()->handlers == "c");
  CHECK(spec::passed_names(*first.spec) == std::set<std::string, std::less<>>{"web"});
  const auto text = spec::effective_yaml(*first.spec);
  for (const char* line : {"socket: web\n", "shop.example:\n", "shed: true\n", "timeout: 90s\n", "pool: c\n"})
    CHECK_MESSAGE(text.find(line) != std::string::npos, text);
  const auto second = check_read_back(text);
}

TEST_CASE("a router prints itself, and reads back") {
  test::spec_folder folder;
  const auto first = folder.load_tree(
      "        - { id: a, actor: sorter, name: a, router: { routes: [ { name: x, to: there }, { name: y, to: "
      "there@b@10.0.0.2 } ], on_failed: drop, timeout: infinity, pending: 7 } }\n"
      "        - { id: b, actor: sorter }\n");
  CHECK(said(first.diagnostics) == "");
  REQUIRE(first.spec);
  const auto& children = first.spec->applications[0].supervisor.children;
  CHECK(children[0].behaviour == "router");
  CHECK(children[0].find<spec::router_options>()->pending == 7);
  CHECK_FALSE(children[0].find<spec::router_options>()->timeout);
  CHECK_FALSE(children[1].find<spec::router_options>());
  const auto text = spec::effective_yaml(*first.spec);
  const auto second = check_read_back(text);
  CHECK(*second->applications[0].supervisor.children[0].find<spec::router_options>() ==
        *children[0].find<spec::router_options>());
}

TEST_CASE("a member of a group prints itself, and reads back") {
  test::spec_folder folder;
  const auto first = folder.load_tree(
      "        - { id: a, actor: group, name: a, raft: { join: [ a@n@h, a@m@h ], heartbeat: 50ms, election: "
      "500ms, "
      "snapshot: { entries: 5, bytes: 1MiB, keep_entries: 0 }, limits: { entry: 2KiB, in_flight: 1MiB, "
      "pending: 7, "
      "clients: 8 }, append_timeout: 1s, query_timeout: 2s, check: 9, from: [ 'shop*' ] } }\n");
  CHECK(said(first.diagnostics) == "");
  REQUIRE(first.spec);
  const auto& child = first.spec->applications[0].supervisor.children[0];
  CHECK(child.behaviour == "raft");
  REQUIRE(child.find<spec::raft_options>());
  CHECK(child.find<spec::raft_options>()->join == std::vector<std::string>{"a@n@h", "a@m@h"});
  CHECK(child.find<spec::raft_options>()->members.empty());
  CHECK(child.find<spec::raft_options>()->limits.clients == 8);
  const auto text = spec::effective_yaml(*first.spec);
  const auto second = check_read_back(text);
  CHECK(*second->applications[0].supervisor.children[0].find<spec::raft_options>() ==
        *child.find<spec::raft_options>());
}

TEST_CASE("a saga prints itself, and reads back") {
  test::spec_folder folder;
  const auto first = folder.load_tree(
      "        - { id: a, actor: purse, name: a, saga: { log: volatile, hops: 3, retry: { first: 5ms }, "
      "from: [ "
      "'a@*' ] } }\n"
      "        - { id: b, actor: purse, name: b }\n");
  CHECK(said(first.diagnostics) == "");
  REQUIRE(first.spec);
  const auto& children = first.spec->applications[0].supervisor.children;
  CHECK(children[0].behaviour == "saga");
  CHECK(children[0].find<spec::saga_options>()->hops == 3);
  CHECK(children[0].find<spec::saga_options>()->log == tree::saga_log::in_memory);
  CHECK_FALSE(children[1].find<spec::saga_options>());
  const auto text = spec::effective_yaml(*first.spec);
  const auto second = check_read_back(text);
  CHECK(*second->applications[0].supervisor.children[0].find<spec::saga_options>() ==
        *children[0].find<spec::saga_options>());
}

TEST_CASE("an actor with UDP sockets prints itself, and reads back") {
  test::spec_folder folder;
  const auto first = folder.load_tree(
      "        - { id: a, name: a, udp: { listen: [ { address: '::1', port: 53 } ], actor: 'wire:ping', "
      "handlers: 4, multicast: { join: [ 'ff02::1' ], interface: lo } } }\n"
      "        - { id: b, udp: { listen: [ { address: 127.0.0.1, port: 0 } ], actor: 'wire:ping', "
      "max_datagram: 65507B, unhandled: log }, shutdown: 2s, mailbox: { limit: 7 } }\n"
      "        - { id: c, udp: { listen: [ { socket: dns } ], actor: 'wire:ping', multicast: { join: [ "
      "'ff02::1' ] } } }\n");
  CHECK(said(first.diagnostics) == "");
  REQUIRE(first.spec);
  const auto& children = first.spec->applications[0].supervisor.children;
  CHECK(children[0].find<spec::udp_options>()->multicast.join == std::vector<std::string>{"ff02::1"});
  CHECK(children[1].find<spec::udp_options>()->max_datagram == 65507);
  CHECK(children[2].find<spec::udp_options>()->listen[0].socket == "dns");
  CHECK(spec::passed_names(*first.spec) == std::set<std::string, std::less<>>{"dns"});
  CHECK(children[1].find<spec::udp_options>()->receive_buffer == 4 << 20);
  CHECK(children[1].shutdown.time == 2 * base::nanos_per_second);
  const auto text = spec::effective_yaml(*first.spec);
  const auto second = check_read_back(text);
}

TEST_CASE("an actor with a program prints itself, and reads back") {
  test::spec_folder folder;
  const auto first = folder.load_tree(
      "        - { id: a, name: a, port: { command: [ /bin/cat, -u ], actor: wire, frame: { kind: length, "
      "bytes: 4 }, "
      "environment: [ A=b ], clean_environment: true, directory: sub, write: { high: 8KiB }, stderr: "
      "discard, "
      "kill_after: 7s, limits: { memory: 1GiB, cpu: 60s }, unhandled: log }, shutdown: 9s }\n"
      "        - { id: b, port: { command: [ /bin/cat ], actor: 'wire:plug', args: {} } }\n");
  CHECK(said(first.diagnostics) == "");
  REQUIRE(first.spec);
  const auto& children = first.spec->applications[0].supervisor.children;
  REQUIRE(children[0].find<spec::port_options>() != nullptr);
  CHECK(children[0].find<spec::port_options>()->write.low == 2048);
  CHECK(children[0].find<spec::port_options>()->directory == folder.file("sub"));
  CHECK(children[0].shutdown.time == 9 * base::nanos_per_second);
  CHECK(children[1].shutdown.time == 5 * base::nanos_per_second);
  const auto text = spec::effective_yaml(*first.spec);
  for (const char* line : {"cpu: 60s\n", "stderr: discard\n", "kill_after: 7s\n"})
    CHECK_MESSAGE(text.find(line) != std::string::npos, text);
  const auto second = check_read_back(text);
}

TEST_CASE("jobs print themselves, and read back") {
  test::spec_folder folder;
  const auto first = folder.load(
      "node: { name: n@127.0.0.1 }\nplugins: { path: [plugins] }\ncron:\n  timezone: Europe/Paris\n  jobs:\n"
      "    - { name: a, at: '30 2 * * mon-fri', do: { send: { to: x } }, overlap: allow, where: one }\n"
      "    - { name: b, at: '@every 5m', timezone: UTC, do: { call: { to: 'x@n@h', message: '{put, \"a\"}', "
      "timeout: "
      "infinity } }, missed: { run: all, within: 1h }, enabled: false }\n"
      "    - { name: c, at: '@reboot', do: { start: { supervisor: s, actor: kv, args: { every: 90s } } } }\n"
      "    - { name: d, at: '@daily', do: { start: { supervisor: s } }, dst: { skipped: skip, repeated: "
      "twice } }\n"
      "    - { name: e, at: '@daily', do: { remote: { node: m@h, actor: 'kv:kv', args: { a: 1 } } }, jitter: "
      "10s }\n"
      "    - { name: f, at: '@daily', do: { remote: { node: m@h, function: 'a:b', arguments: '[1, x]' } }, "
      "on_failure: { retry: 2, backoff: { first: 1s } } }\n");
  CHECK(said(first.diagnostics) == "");
  REQUIRE(first.spec);
  REQUIRE(first.spec->cron != nullptr);
  CHECK(first.spec->plugin_files.size() == 1);
  const auto& jobs = first.spec->cron->jobs;
  REQUIRE(jobs.size() == 6);
  CHECK(jobs[0].where == spec::cron_where{true, "", ""});
  CHECK(!jobs[1].does.call->timeout);
  CHECK(jobs[2].does.start->actor_type == "kv");
  const auto text = spec::effective_yaml(*first.spec);
  for (const char* line :
       {"every: 90s\n", "where: one\n", "run: all\n", "skipped: skip\n", "function: \"a:b\"\n"})
    CHECK_MESSAGE(text.find(line) != std::string::npos, text);
  const auto second = check_read_back(text);
}

TEST_CASE("jobs of several files add up") {
  test::spec_folder folder;
  const auto one = folder.write("one.yaml",
                                "node: { name: n@127.0.0.1 }\ncron: { timezone: UTC, jobs: [ { name: a, at: "
                                "'@daily', do: { send: { to: x } } } ] }\n");
  const auto two = folder.write(
      "two.yaml",
      "cron: { timezone: local, jobs: [ { name: b, at: '@daily', do: { send: { to: x } } } ] }\n");
  const auto both = spec::load({one, two}, {});
  REQUIRE(both.spec);
  CHECK(both.spec->cron->timezone == "local");
  CHECK(both.spec->cron->jobs.size() == 2);
}

TEST_CASE("a stage prints itself, and reads back") {
  test::spec_folder folder;
  const auto first = folder.load_tree(
      "        - { id: a, actor: 'flow:producer', name: a, stage: { dispatcher: { partition: { count: 4 } }, "
      "buffer: "
      "{ size: 5, keep: first, bytes: 1MiB }, demand: accumulate, demand_step: 7 } }\n"
      "        - { id: b, actor: 'flow:consumer', stage: { subscribe_to: [ { to: a, max_demand: 10, cancel: "
      "transient, resubscribe: { first: 2s } } ] } }\n"
      "        - { id: c, actor: 'flow:producer_consumer' }\n");
  CHECK(said(first.diagnostics) == "");
  REQUIRE(first.spec);
  const auto& children = first.spec->applications[0].supervisor.children;
  CHECK(children[0].behaviour == "producer");
  CHECK(children[0].find<spec::stage_options>()->demand_step == 7);
  CHECK(children[1].find<spec::stage_options>()->subscribe_to[0].max_demand == 10);
  CHECK_FALSE(children[2].find<spec::stage_options>());
  const auto text = spec::effective_yaml(*first.spec);
  const auto second = check_read_back(text);
  CHECK(*second->applications[0].supervisor.children[1].find<spec::stage_options>() ==
        *children[1].find<spec::stage_options>());
}

TEST_CASE("a pool prints itself with its workers' args, and reads back") {
  test::spec_folder folder;
  auto first = folder.load_tree(
      "        - { id: a, name: a, pool: { actor: kv, size: 3x cores, dispatch: hash, key: element 2, "
      "in_flight: 4, "
      "queue: { limit: 0, wait: infinity, on_full: drop_old }, on_worker_death: retry_once, args: { every: "
      "90s } } }\n"
      "        - { id: b, pool: { actor: kv } }\n"
      "        - { id: c, pool: { actor: kv, queue: { on_full: park_sender } } }\n");
  CHECK(said(first.diagnostics) == "");
  REQUIRE(first.spec);
  const auto& children = first.spec->applications[0].supervisor.children;
  CHECK(children[2].find<spec::pool_options>()->queue.on_full == tree::pool_overload::park_sender);
  CHECK(children[0].plugin == "kv");
  CHECK(children[0].behaviour == "server");
  CHECK(children[0].find<spec::pool_options>()->size % 3 == 0);
  CHECK(children[0].find<spec::pool_options>()->key == 2);
  CHECK_FALSE(children[0].find<spec::pool_options>()->queue.wait);
  CHECK(children[1].find<spec::pool_options>()->size == 8);
  CHECK(children[1].shutdown.how == tree::shutdown_limit::kind::infinity);
  const auto text = spec::effective_yaml(*first.spec);
  for (const char* line :
       {"every: 90s\n", "key: \"element 2\"\n", "wait: infinity\n", "dispatch: least_loaded\n"})
    CHECK_MESSAGE(text.find(line) != std::string::npos, text);
  const auto second = check_read_back(text);
}

TEST_CASE("a state machine prints its options, and reads back") {
  test::spec_folder folder;
  auto first = folder.load_tree(
      "        - { id: a, actor: latch, statem: { postponed: { limit: 7, on_full: drop_new } } }\n"
      "        - { id: b, actor: latch }\n");
  CHECK(said(first.diagnostics) == "");
  REQUIRE(first.spec);
  const auto& children = first.spec->applications[0].supervisor.children;
  CHECK(children[0].behaviour == "statem");
  REQUIRE(children[0].find<spec::statem_options>());
  CHECK(children[0].find<spec::statem_options>()->postponed.limit == 7);
  CHECK(children[0].find<spec::statem_options>()->postponed.on_full == spec::postponed_overload::drop_new);
  CHECK_FALSE(children[1].find<spec::statem_options>());
  const auto text = spec::effective_yaml(*first.spec);
  CHECK_MESSAGE(text.find("on_full: drop_new\n") != std::string::npos, text);
  const auto second = check_read_back(text);
}

TEST_CASE("a consumer supervisor prints itself with its template, and reads back") {
  test::spec_folder folder;
  const auto first = folder.load_tree(
      "        - { id: a, name: a, consumer_supervisor: { template: { actor: kv, restart: temporary, args: { "
      "every: 90s } }, subscribe_to: [ { to: b@x@127.0.0.1, max_demand: 50 } ], intensity: 7 } }\n"
      "        - { id: b, consumer_supervisor: { template: { actor: 'pair:first' } } }\n");
  CHECK(said(first.diagnostics) == "");
  REQUIRE(first.spec);
  const auto& children = first.spec->applications[0].supervisor.children;
  CHECK(children[0].plugin == "kv");
  const auto& options = *children[0].find<spec::consumer_supervisor_options>();
  CHECK(options.child.restart == tree::restart_type::temporary);
  CHECK(options.subscribe_to.at(0).max_demand == 50);
  CHECK(children[0].shutdown.how == tree::shutdown_limit::kind::infinity);
  CHECK(children[1].find<spec::consumer_supervisor_options>()->child.restart ==
        tree::restart_type::transient);
  CHECK(first.spec->plugin_files.size() == 2);
  const auto text = spec::effective_yaml(*first.spec);
  CHECK_MESSAGE(text.find("every: 90s\n") != std::string::npos, text);
  const auto second = check_read_back(text);
  CHECK(*second->applications[0].supervisor.children[0].find<spec::consumer_supervisor_options>() == options);
}

TEST_CASE("an event manager prints itself with its handlers, and reads back") {
  test::spec_folder folder;
  auto first = folder.load_tree(
      "        - { id: a, name: a, event_manager: { slow_after: 100ms, backlog: { limit: 5, on_full: exit }, "
      "handlers: [ { id: one, actor: bell, "
      "restart: permanent, args: { every: 90s } }, { id: two, actor: 'bell:bell' } ] } }\n"
      "        - { id: b, event_manager: {} }\n");
  CHECK(said(first.diagnostics) == "");
  REQUIRE(first.spec);
  const auto& manager =
      *first.spec->applications[0].supervisor.children[0].find<spec::event_manager_options>();
  REQUIRE(manager.handlers.size() == 2);
  CHECK(manager.handlers[0].plugin == "bell");
  CHECK(manager.handlers[0].actor_type == "bell");
  CHECK(manager.handlers[0].restart == spec::handler_restart::permanent);
  CHECK(manager.handlers[1].restart == spec::handler_restart::temporary);
  CHECK(manager.slow_after == spec::milliseconds(100));
  CHECK(manager.backlog == spec::backlog_options{5, std::uint64_t{16} << 20, tree::event_overload::exit});
  CHECK(first.spec->plugin_files.size() == 1);
  const auto text = spec::effective_yaml(*first.spec);
  for (const char* line : {"every: 90s\n", "every: 1s\n", "slow_after: 100ms\n", "slow_after: infinity\n"})
    CHECK_MESSAGE(text.find(line) != std::string::npos, text);
  check_read_back(text);
}

TEST_CASE("durations are found in lists and maps of args") {
  auto schema = spec::args_schema::compile(R"({"properties": {"waits": {"items": {"format": "duration"}},
      "by~name": {"additionalProperties": {"format": "duration"}}, "count": {"type": "integer"}}})");
  REQUIRE(schema);
  etf::vector_writer args;
  args.map(3);
  args.atom("waits");
  args.list(2);
  args.integer(1);
  args.integer(2000);
  args.nil();
  args.atom("by~name");
  args.map(1);
  args.atom("a/b");
  args.integer(5);
  args.atom("count");
  args.integer(7);
  CHECK(schema->durations(args.take()) == std::vector<std::string>{"/waits/0", "/waits/1", "/by~0name/a~1b"});
}

TEST_CASE("the effective configuration writes every default out") {
  test::spec_folder folder;
  auto result = folder.load("node: { name: n@127.0.0.1 }\n");
  REQUIRE(result.spec);
  CHECK(spec::effective_yaml(*result.spec) ==
        "node:\n"
        "  name: n@127.0.0.1\n"
        "  visibility: visible\n"
        "  workers: auto\n"
        "  runtime:\n"
        "    park: 1s\n"
        "    linger: 5s\n"
        "    watchdog: 10ms\n"
        "    busy_wait: adaptive\n"
        "    blocking_threads: 16\n"
        "    stack: 256KiB\n"
        "  data: /var/lib/coppice\n"
        "  log:\n"
        "    level: info\n"
        "    format: auto\n"
        "    modules: {}\n"
        "    rate:\n"
        "      per_source: 100/s\n"
        "      burst: 500\n"
        "    messages: true\n"
        "    files: []\n"
        "    handlers: []\n"
        "  limits:\n"
        "    processes: 4000000\n"
        "    connections: 1000\n"
        "    memory: 75%\n"
        "    parked: auto\n"
        "    term_bytes: 256MiB\n"
        "    term_depth: 10000\n"
        "    peer_relations: 1000000\n"
        "    peer_groups: 250000\n"
        "    peer_names: 65536\n"
        "    peer_locks: 1024\n"
        "epmd:\n"
        "  mode: auto\n"
        "  address: 127.0.0.1\n"
        "  port: 4369\n"
        "distribution:\n"
        "  listen:\n"
        "    - address: 127.0.0.1\n"
        "      ports: 15000-65000\n"
        "      tls: off\n"
        "  ticktime: 60s\n"
        "  connect: auto\n"
        "  connect_timeout: 7s\n"
        "  allow:\n"
        "    rpc:\n"
        "      - info\n"
        "    spawn: []\n"
        "    start: []\n"
        "    supervise: []\n"
        "  routes: []\n"
        "  peers: []\n"
        "  compression:\n"
        "    level: 0\n"
        "    threshold: 1KiB\n"
        "  services:\n"
        "    global: true\n"
        "    pg:\n"
        "      - pg\n"
        "control:\n"
        "  socket: auto\n"
        "  group: coppice\n"
        "  mode: \"0660\"\n"
        "plugins:\n"
        "  path:\n"
        "    - /usr/lib/coppice/plugins\n"
        "  isolation: none\n"
        "  watch: false\n"
        "  reload_deadline: 5s\n"
        "applications: []\n"
        "events: []\n");
}

TEST_CASE("events print themselves, and read back") {
  test::spec_folder folder;
  const auto first = folder.load(
      "node: { name: n@127.0.0.1 }\nevents: [ { name: orders, producer: shop, buffer: 5, queue: 7, bytes: "
      "2KiB, open: true, "
      "notify: true, slow: park }, { name: notes } ]\n");
  REQUIRE(first.spec);
  REQUIRE(first.spec->events.size() == 2);
  const spec::named_event orders{"orders", "shop", 5, 7, 2048, true, true, tree::slow_subscriber::park};
  CHECK(first.spec->events[0] == orders);
  spec::named_event notes;
  notes.name = "notes";
  CHECK(first.spec->events[1] == notes);
  const auto again = folder.load(spec::effective_yaml(*first.spec));
  REQUIRE(again.spec);
  CHECK(again.spec->events == first.spec->events);
}
