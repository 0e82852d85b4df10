// SPDX-License-Identifier: MIT
// Tests of what `coppice check` reports about the node's limits, the states of Raft groups and the values of
// sagas.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "fixture.hpp"
#include "tree/saga_room.hpp"

using namespace coppice;

TEST_CASE("a command that the state of a Raft group could not hold is refused") {
  test::spec_folder folder;
  const auto said = [&folder](const std::string& limits, const std::string& group) {
    return folder.errors(
        "node: { name: n@127.0.0.1, limits: {" + limits +
        "} }\nplugins: { path: [plugins] }\napplications:\n  - name: demo\n    supervisor:\n      children:\n"
        "        - { id: a, actor: group, name: ledger, raft: { members: [ ledger@n@127.0.0.1 ]" +
        group + " } }\n");
  };
  const auto names = [](const std::string& what) {
    return what.find("error: raft.limits.entry: a command may have ") != std::string::npos;
  };
  CHECK_FALSE(names(said("", "")));
  CHECK_FALSE(names(said(" term_bytes: 1MiB, memory: 4MiB ", "")));
  const std::string by_term = said(" term_bytes: 1023KiB ", "");
  CHECK(by_term.find("node.yaml:7:") != std::string::npos);
  CHECK(by_term.find(
            "error: raft.limits.entry: a command may have 1048576 bytes, and the whole state of a group "
            "1047552: node.limits.term_bytes") != std::string::npos);
  const std::string by_memory = said(" memory: 3MiB ", "");
  CHECK(by_memory.find("786432: a quarter of node.limits.memory") != std::string::npos);
  CHECK_FALSE(names(said(" memory: 3MiB ", ", limits: { entry: 512KiB }")));
  CHECK(names(said(" term_bytes: 1MiB ", ", limits: { entry: 2MiB, in_flight: 4MiB }")));
  CHECK_FALSE(names(said(" memory: 1% ", "")));
}

TEST_CASE("a command that the state of a Raft group could not hold on this machine is warned about") {
  test::spec_folder folder;
  const auto said = [&folder](const std::string& limits, std::uint64_t machine) {
    spec::load_options options;
    options.machine_memory = machine;
    return folder.errors(
        "node: { name: n@127.0.0.1, limits: {" + limits +
            "} }\nplugins: { path: [plugins] }\napplications:\n  - name: demo\n    supervisor:\n      "
            "children:\n"
            "        - { id: a, actor: group, name: ledger, raft: { members: [ ledger@n@127.0.0.1 ] } }\n",
        options);
  };
  const std::string of_share = said(" memory: 1% ", 100 << 20);
  CHECK(
      of_share.find("warning: raft.limits.entry: a command may have 1048576 bytes, and the whole state of a "
                    "group 262144: a quarter of node.limits.memory on this machine, of whose 104857600 "
                    "bytes it is 1%") != std::string::npos);
  CHECK(of_share.find("error:") == std::string::npos);
  CHECK(said(" memory: 4% ", 100 << 20).find("raft.limits.entry") == std::string::npos);
  CHECK(said("", 2 << 20).find("on this machine, of whose 2097152 bytes it is 75%") != std::string::npos);
  const std::string of_term = said(" memory: 1%, term_bytes: 4KiB ", 100 << 20);
  CHECK(of_term.find("error: raft.limits.entry: a command may have 1048576 bytes, and the whole state of a "
                     "group 4096: node.limits.term_bytes\n") != std::string::npos);
}

TEST_CASE("a value that a saga could not take from another node is refused, or warned about by a share") {
  test::spec_folder folder;
  const auto said = [&folder](const std::string& limits, const std::string& saga,
                              std::uint64_t machine = std::uint64_t{1} << 40) {
    spec::load_options options;
    options.machine_memory = machine;
    return folder.errors("node: { name: n@127.0.0.1, limits: {" + limits +
                             "} }\nplugins: { path: [plugins] }\napplications:\n  - name: demo\n    "
                             "supervisor:\n      children:\n"
                             "        - { id: a, actor: purse, name: purse" +
                             saga + " }\n",
                         options);
  };
  const auto names = [](const std::string& what) {
    return what.find("saga.limits.value: a value may have ") != std::string::npos;
  };
  CHECK_FALSE(names(said("", "")));
  CHECK_FALSE(names(said(" term_bytes: 1MiB, memory: 6MiB ", "")));
  const std::string by_term = said(" term_bytes: 1023KiB ", "");
  CHECK(by_term.find("node.yaml:7:") != std::string::npos);
  CHECK(by_term.find("error: saga.limits.value: a value may have 1048576 bytes, and one of another node "
                     "1047552: node.limits.term_bytes\n") != std::string::npos);
  CHECK(said(" memory: 4MiB ", ", saga: { hops: 3 }")
            .find("786432: three quarters of a quarter of node.limits.memory") != std::string::npos);
  CHECK_FALSE(names(said(" memory: 4MiB ", ", saga: { limits: { value: 512KiB } }")));
  const std::string by_share = said(" memory: 1% ", "", 100 << 20);
  CHECK(by_share.find("warning: saga.limits.value: ") != std::string::npos);
  CHECK(by_share.find("on this machine") != std::string::npos);
  CHECK(by_share.find("error:") == std::string::npos);
}

TEST_CASE("a saga keeps no more for other nodes than a quarter of the memory") {
  CHECK(tree::largest_saga_room(UINT64_MAX).for_others == 256 << 20);
  CHECK(tree::largest_saga_room(1 << 30).for_others == 256 << 20);
  CHECK(tree::largest_saga_room(1 << 30).kept == 64 << 20);
  CHECK(tree::largest_saga_room(64 << 20).for_others == 16 << 20);
  CHECK(tree::largest_saga_room(64 << 20).kept == 4 << 20);
}

TEST_CASE("a term_bytes above a quarter of memory is warned about where it is written") {
  test::spec_folder folder;
  const auto said = [&folder](const std::string& limits, std::uint64_t machine) {
    spec::load_options options;
    options.machine_memory = machine;
    return folder.errors("node: { name: n@127.0.0.1, limits: {" + limits + "} }\n", options);
  };
  const auto warned = [&said](const std::string& limits, std::uint64_t machine = 512 << 20) {
    return said(limits, machine)
               .find(
                   "warning: node.limits.term_bytes: more than a quarter of memory, which is 67108864 "
                   "bytes") != std::string::npos;
  };
  CHECK(warned(" memory: 256MiB, term_bytes: 65MiB "));
  CHECK_FALSE(warned(" memory: 256MiB, term_bytes: 64MiB "));
  CHECK_FALSE(warned(" memory: 256MiB "));
  CHECK(said(" memory: 50%, term_bytes: 100MiB ", 1000 << 20)
            .find("which is 131072000 bytes on this machine, of whose 1048576000 bytes it is 50%") ==
        std::string::npos);
  CHECK(said(" memory: 50%, term_bytes: 130MiB ", 1000 << 20)
            .find("which is 131072000 bytes on this machine, of whose 1048576000 bytes it is 50%") !=
        std::string::npos);
  CHECK(said(" memory: 50%, term_bytes: 256MiB ", 1000 << 20).find("term_bytes") == std::string::npos);
}
