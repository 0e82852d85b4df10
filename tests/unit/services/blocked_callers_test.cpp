// SPDX-License-Identifier: MIT
// Tests of the requests that wait for a block_call: which requests wait, and their bounds for each node.
#include "services/rpc/blocked_callers.hpp"

#include <doctest/doctest.h>

#include "runtime/messages/exit_reason.hpp"

using namespace coppice;
using services::blocked_callers;

namespace {

constexpr std::uint32_t node = 1, other = 2;

runtime::reference reference_of(std::uint32_t number) {
  runtime::reference made{};
  made.count = 3;
  made.words[0] = number;
  return made;
}
blocked_callers::request from(std::uint32_t origin, const char* what) {
  return {blocked_callers::request::form::cast, {}, runtime::message::atom(what), {origin, false}};
}

} // namespace

TEST_CASE("a block_call holds up what its own node asks, in its order, and no other node") {
  blocked_callers blocked;
  CHECK_FALSE(blocked.blocks(node));
  blocked.begin(node, reference_of(1));
  blocked.begin(other, reference_of(2));
  CHECK(blocked.wait(from(node, "first")));
  CHECK(blocked.wait(from(node, "second")));
  CHECK_FALSE(blocked.end(reference_of(3)));
  const auto others = blocked.end(reference_of(2));
  REQUIRE(others);
  CHECK(others->empty());
  CHECK_FALSE(blocked.blocks(other));
  CHECK(blocked.blocks(node));
  const auto waiting = blocked.end(reference_of(1));
  REQUIRE(waiting);
  REQUIRE(waiting->size() == 2);
  CHECK(runtime::is_atom(waiting->front().body, "first"));
  CHECK_FALSE(blocked.blocks(node));
  CHECK_FALSE(blocked.end(reference_of(1)));
}

TEST_CASE("what waits for a block_call is bounded, in number and in bytes, for each node") {
  blocked_callers blocked;
  blocked.begin(node, reference_of(1));
  for (std::size_t i = 0; i < blocked_callers::most_waiting; ++i) CHECK(blocked.wait(from(node, "x")));
  CHECK_FALSE(blocked.wait(from(node, "x")));
  const auto large = [] {
    runtime::message_writer out;
    out.binary(std::vector<std::uint8_t>(blocked_callers::most_bytes / 4));
    return out.take();
  }();
  const auto waits = [&](std::uint32_t origin) {
    return blocked.wait({blocked_callers::request::form::cast, {}, large, {origin, false}});
  };
  blocked.begin(other, reference_of(2));
  for (int i = 0; i < 3; ++i) CHECK(waits(other));
  CHECK_FALSE(waits(other));
  CHECK(blocked.wait(from(other, "small")));
  CHECK(blocked.end(reference_of(2)));
  blocked.begin(other, reference_of(3));
  CHECK(waits(other));
}
