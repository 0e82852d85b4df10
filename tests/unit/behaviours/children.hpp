// SPDX-License-Identifier: MIT
// Reads the children of a running supervisor, for tests that compare them before and after an event. Any
// thread but a worker's.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "test_host.hpp"

namespace coppice::test {

struct listed_child {
  std::string id; // "undefined" under simple_one_for_one
  std::string state;
  runtime::pid pid; // null: not running
};

// Asks the supervisor by which_children. In start order. Empty: the supervisor is dead.
inline std::optional<std::vector<listed_child>> children_of(test_host& host,
                                                            const runtime::destination& supervisor) {
  const std::string answer = host.call(supervisor, "which_children");
  if (answer.starts_with("!")) return std::nullopt;
  const auto list = term(answer);
  etf::cursor at(list.bytes());
  std::uint32_t count = 0;
  CHECK(at.read_list(count));
  std::vector<listed_child> out;
  for (; count != 0; --count) {
    listed_child& row = out.emplace_back();
    etf::bytes id;
    std::string_view state = "running";
    at.read_tuple_of(4);
    at.read_term(id);
    row.id = etf::print(id);
    if (const auto pid = runtime::read_pid(at, host.system.nodes())) {
      row.pid = *pid;
    } else {
      at.read_atom(state);
    }
    row.state = state;
    at.skip();
    at.skip();
  }
  std::reverse(out.begin(), out.end());
  return out;
}

} // namespace coppice::test
