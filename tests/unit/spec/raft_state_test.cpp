// SPDX-License-Identifier: MIT
// What `coppice check` says of the node's limits and the states of Raft groups.
#include <doctest/doctest.h>

#include <string>

#include "fixture.hpp"

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

TEST_CASE("a term_bytes above a quarter of memory is warned about where both are written") {
  test::spec_folder folder;
  const auto warned = [&folder](const std::string& limits) {
    const std::string said = folder.errors("node: { name: n@127.0.0.1, limits: {" + limits + "} }\n");
    return said.find(
               "warning: node.limits.term_bytes: more than a quarter of memory, which is 67108864 bytes") !=
           std::string::npos;
  };
  CHECK(warned(" memory: 256MiB, term_bytes: 65MiB "));
  CHECK_FALSE(warned(" memory: 256MiB, term_bytes: 64MiB "));
  CHECK_FALSE(warned(" memory: 256MiB "));
  CHECK_FALSE(warned(" memory: 50%, term_bytes: 100GiB "));
}
