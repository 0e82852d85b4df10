// SPDX-License-Identifier: MIT
// How the From of a call is written, for callers of any node.
#include "runtime/messages/call_forms.hpp"

#include <doctest/doctest.h>

#include <coppice/etf/writer.hpp>
#include <string>
#include <vector>

namespace coppice::runtime {
namespace {

std::vector<std::uint8_t> bytes_of(etf::bytes from) {
  return {from.begin(), from.end()};
}

// {Pid, [alias|Ref]}, written piece by piece.
std::vector<std::uint8_t> bytes_expected(const std::string& node, const call_id& call) {
  const reference ref = call.ref();
  etf::vector_writer out(64);
  out.tuple(2);
  out.pid({node, call.who.id, call.who.serial, call.who.creation});
  out.raw(node_forms::alias_head);
  out.reference({node, ref.creation, ref.count, ref.words});
  return bytes_of(out.view());
}

void check(const node_names& names, std::uint32_t node, const std::string& name, std::uint64_t number) {
  const call_id call{{node, 0x01020304, 77, 5}, number};
  const written_from from(names, call);
  CAPTURE(name);
  CHECK(bytes_of(from.bytes()) == bytes_expected(name, call));
  CHECK(from.tag()[0] == static_cast<std::uint8_t>(etf::tag::list));
}

} // namespace

TEST_CASE("a caller's From has its node's name, however long that is") {
  node_names names("here@127.0.0.1");
  check(names, 0, "here@127.0.0.1", 1);
  for (const std::size_t length : {3, 58, 59, 60, 63, 64, 255, 256, 1020}) {
    const std::string name = std::string(length - 2, 'n') + "@h";
    const auto node = names.intern(name);
    REQUIRE(node);
    check(names, *node, name, length);
    check(names, *node, name, length + 1);
  }
}

TEST_CASE("callers of many nodes in turn, of two tables with the same indices, are not mixed up") {
  node_names first("a@h"), second("b@h");
  std::vector<std::uint32_t> nodes;
  for (int i = 0; i < 9; ++i) {
    nodes.push_back(first.intern("first" + std::to_string(i) + "@h").value());
    REQUIRE(second.intern("second" + std::to_string(i) + "@h") == nodes.back());
  }
  for (std::uint64_t round = 0; round < 3; ++round)
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      check(first, nodes[i], "first" + std::to_string(i) + "@h", round);
      check(second, nodes[i], "second" + std::to_string(i) + "@h", round);
    }
}

} // namespace coppice::runtime
