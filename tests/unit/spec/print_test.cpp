// SPDX-License-Identifier: MIT
// The effective configuration reads back as itself.
#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice;

TEST_CASE("the effective configuration loads, and prints itself again") {
  test::spec_folder folder;
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
           {"node.log.files", "[{ path: /tmp/a.log, level: error, rotate: { bytes: 1MiB, keep: 0 } }]"}}});
  CHECK(spec::render(first.diagnostics) == "");
  REQUIRE(first.spec);
  const auto text = spec::effective_yaml(*first.spec);
  auto second = spec::load_text(text, "effective.yaml", "/");
  CHECK(spec::render(second.diagnostics) == "");
  REQUIRE(second.spec);
  CHECK(spec::effective_yaml(*second.spec) == text);
  CHECK(second.spec->applications[0].supervisor.children[0].args ==
        first.spec->applications[0].supervisor.children[0].args);
  CHECK(second.spec->applications[0].env == first.spec->applications[0].env);
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
        "    blocking_threads: 16\n"
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
        "applications: []\n");
}
