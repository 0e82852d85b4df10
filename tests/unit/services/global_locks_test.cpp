// SPDX-License-Identifier: MIT
// Tests of global's locks: one requester at a time with several holders, and no lock after the last holder.
#include "services/global/locks.hpp"

#include <doctest/doctest.h>

#include <coppice/etf/writer.hpp>

#include "base/bytes.hpp"
#include "runtime/messages/block.hpp"

using namespace coppice;
using namespace coppice::services;

namespace {

std::vector<std::uint8_t> term(std::string_view name) {
  etf::vector_writer out;
  out.atom(name);
  return out.take();
}

} // namespace

TEST_CASE("a lock is one requester's, whoever holds it for him") {
  global_locks locks;
  const auto global = term("global");
  const auto other = term("other");
  const auto me = term("me");
  const auto you = term("you");
  const runtime::pid a{0, 5, 1, 0};
  const runtime::pid b{1, 7, 1, 0};
  CHECK(locks.set(global, me, a));
  CHECK(locks.set(global, me, a));
  CHECK(locks.set(global, me, b));
  CHECK_FALSE(locks.set(global, you, b));
  CHECK_FALSE(locks.free_for(global, you));
  CHECK(locks.set(other, you, b));
  locks.remove(global, you, a);
  CHECK(locks.holds_any(a));
  locks.remove(global, me, a);
  CHECK_FALSE(locks.holds_any(a));
  CHECK_FALSE(locks.free_for(global, you));
  CHECK(locks.of_node(1) == 2);
  CHECK(locks.of_node(0) == 0);
  locks.remove_all(b);
  CHECK(locks.of_node(1) == 0);
  CHECK(locks.free_for(global, you));
  CHECK(locks.size() == 0);
}

TEST_CASE("locks count as memory in use, once for all their holders, while they are there") {
  const auto before = runtime::block_memory::in_use();
  const auto me = term("me");
  const std::string resource(10'000, 'r');
  const runtime::pid a{0, 5, 1, 0};
  const runtime::pid b{1, 7, 1, 0};
  {
    global_locks locks;
    CHECK(locks.set(base::as_bytes(resource), me, a));
    const auto full = runtime::block_memory::in_use();
    CHECK(full >= before + resource.size());
    CHECK(locks.set(base::as_bytes(resource), me, b));
    CHECK(locks.set(base::as_bytes(resource), me, a));
    CHECK(runtime::block_memory::in_use() == full);
    locks.remove_all(a);
    locks.remove_all(b);
    CHECK(runtime::block_memory::in_use() == before);
    CHECK(locks.set(base::as_bytes(resource), me, a));
  }
  CHECK(runtime::block_memory::in_use() == before);
}
