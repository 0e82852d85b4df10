// SPDX-License-Identifier: MIT
// Tests that mistakes in an actor's UDP sockets are reported when the configuration is read.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

#include "fixture.hpp"
#include "spec/kinds/udp.hpp"

using namespace coppice;

TEST_CASE("what can be no UDP socket, or has no effect, is refused in words") {
  test::spec_folder folder;
  struct row {
    std::string written; // the text after `id: a, `
    const char* said;
  };
  const std::string here = "udp: { listen: [{ address: 127.0.0.1, port: 1 }], actor: 'wire:ping'";
  const row rows[] = {
      {"udp: { actor: 'wire:ping' }", "the key 'listen' is missing"},
      {"udp: { listen: [], actor: 'wire:ping' }", "udp.listen: needs one place at least"},
      {"udp: { listen: [{ address: 127.0.0.1 }], actor: 'wire:ping' }", "the key 'port' is missing"},
      {"udp: { listen: [{ port: 1 }], actor: 'wire:ping' }", "the key 'address' is missing"},
      {"udp: { listen: [{}], actor: 'wire:ping' }", "needs one of 'address' with 'port' and 'socket'"},
      {"udp: { listen: [{ socket: dns, port: 1 }], actor: 'wire:ping' }",
       "needs one of 'address' with 'port' and 'socket'"},
      {"udp: { listen: [{ socket: 'a:b' }], actor: 'wire:ping' }", "printable characters other than ':'"},
      {"udp: { listen: [{ socket: dns }], handlers: 2, actor: 'wire:ping' }", "is a single actor's"},
      {"udp: { listen: [{ address: here, port: 1 }], actor: 'wire:ping' }", "'here'"},
      {"udp: { listen: [{ address: 127.0.0.1, port: 65536 }], actor: 'wire:ping' }", "from 0 to 65535"},
      {"udp: { listen: [{ address: 127.0.0.1, port: 0 }], handlers: 2, actor: 'wire:ping' }",
       "several handlers share a port, which cannot be 0"},
      {"udp: { listen: [{ address: 127.0.0.1, port: 1 }] }", "the key 'actor' is missing"},
      {here + ", max_datagram: 65508B }", "udp.max_datagram: must be from 1B to 65507B"},
      {here + ", max_datagram: 0B }", "udp.max_datagram: must be from"},
      {here + ", receive_buffer: 2GiB }", "udp.receive_buffer: must be from"},
      {here + ", batch: 0 }", "from 1 to 1024"},
      {here + ", handlers: 0 }", "from 1 to 1024, cores, or a multiple such as \"2x cores\""},
      {here + ", handlers: 1025 }", "from 1 to 1024"},
      {here + ", handlers: 0x cores }", "from 1 to 1024"},
      {here + ", handlers: 2xcores here }", "from 1 to 1024"},
      {here + ", handlers: 02x cores }", "from 1 to 1024"},
      {here + ", handlers: x cores }", "from 1 to 1024"},
      {here + ", handlers: -2x cores }", "from 1 to 1024"},
      {here + ", handlers: 1024000x cores }", "from 1 to 1024"},
      {here + ", handlers: many cores }", "from 1 to 1024"},
      {here + ", queue: { limit: 1 } }", "unknown key 'queue'"},
      {here + ", multicast: { join: [ 127.0.0.1 ] } }", "must be a group's address"},
      {here + ", multicast: { join: [ nowhere ] } }", "'nowhere'"},
      {here + ", multicast: { join: [ 'ff02::1' ] } }", "is of another family"},
      {here + ", multicast: { ttl: 256 } }", "from 0 to 255"},
      {here + ", multicast: { interface: an_interface_long } }", "must have at most 15 bytes"},
      {here + " }, args: { a: 1 }", "an actor with UDP sockets takes no 'args'"},
      {here + " }, unhandled: log", "it belongs into the 'udp' map"},
      {here + " }, actor: 'wire:ping'", "a child has one of"},
      {"udp: { listen: [{ address: 127.0.0.1, port: 1 }], actor: wire }", "takes no datagrams"},
      {"udp: { listen: [{ address: 127.0.0.1, port: 1 }], actor: kv }", "takes no datagrams"},
      {"actor: 'wire:ping'", "is one for datagrams"},
  };
  for (const row& each : rows) {
    CAPTURE(each.written);
    const std::string said = folder.tree_errors("        - { id: a, " + each.written + " }\n");
    CHECK_MESSAGE(said.find(each.said) != std::string::npos, said);
  }
  CHECK(folder.tree_errors("        - { id: a, " + here + " } }\n") == "");
}

TEST_CASE("handlers are as many as there are cores, or a multiple, where that is said") {
  test::spec_folder folder;
  const std::uint32_t cores = std::max(1U, std::thread::hardware_concurrency());
  struct row {
    const char* written;
    std::uint32_t wanted;
  };
  const row rows[] = {{"3", 3}, {"cores", cores}, {"2x cores", 2 * cores}, {"3xcores", 3 * cores}};
  for (const row& each : rows) {
    CAPTURE(each.written);
    const auto made = folder.load_tree(
        std::string(
            "        - { id: a, udp: { listen: [{ address: 127.0.0.1, port: 1 }], actor: 'wire:ping', ") +
        "handlers: " + each.written + " } }\n");
    REQUIRE_MESSAGE(made.spec, spec::render(made.diagnostics));
    const auto* const udp = made.spec->applications[0].supervisor.children[0].find<spec::udp_options>();
    CHECK(udp->handlers == each.wanted);
    CHECK(spec::effective_yaml(*made.spec).find("handlers: " + std::to_string(each.wanted) + "\n") !=
          std::string::npos);
  }
}
