// SPDX-License-Identifier: MIT
// Tests of the membership of groups: which process is in which group, and how often.
#include "services/pg/groups.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <coppice/etf/writer.hpp>
#include <iterator>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "runtime/messages/block.hpp"

using namespace coppice;
using services::pg_groups;
using services::portions;
using whose = services::pg_groups::whose;

namespace {

constexpr runtime::pid ours{0, 5, 1, 0};
constexpr runtime::pid ours_too{0, 5, 2, 0};
constexpr runtime::pid theirs{1, 5, 1, 0};

// Two terms, encoded.
constexpr std::uint8_t one_bytes[]{97, 1};
constexpr std::uint8_t two_bytes[]{97, 2};
constexpr etf::bytes one(one_bytes);
constexpr etf::bytes two(two_bytes);

} // namespace

TEST_CASE("a process joins as often as it says, and is out when it left as often") {
  portions work;
  pg_groups groups(work);
  groups.join(one, ours);
  groups.join(one, ours);
  CHECK(groups.members(one, whose::all) == std::vector{ours, ours});
  CHECK(groups.leave(one, ours));
  CHECK(groups.is_member(ours));
  CHECK(groups.leave(one, ours));
  CHECK_FALSE(groups.leave(one, ours));
  CHECK_FALSE(groups.is_member(ours));
  CHECK(groups.groups(whose::all).empty());
}

TEST_CASE("a group with a long name counts by its bytes, which are hashed and compared as a term") {
  etf::vector_writer name;
  name.binary(std::string(16'000, 'x'));
  const std::size_t each = 2 * name.size() / portions::read_bytes_a_step;
  portions work;
  pg_groups groups(work);
  groups.join(name.view(), ours);
  CHECK(work.steps() >= each);
  CHECK(groups.members(name.view(), whose::all).size() == 1);
  CHECK(work.steps() >= 2 * each);
  CHECK(groups.leave(name.view(), ours));
  CHECK(work.steps() >= 3 * each);
}

TEST_CASE("leaving a group one is not in, or that is not there, is said") {
  portions work;
  pg_groups groups(work);
  groups.join(one, ours);
  CHECK_FALSE(groups.leave(two, ours));
  CHECK_FALSE(groups.leave(one, theirs));
}

TEST_CASE("members and groups of this node are told apart") {
  portions work;
  pg_groups groups(work);
  groups.join(one, ours);
  groups.join(one, theirs);
  groups.join(two, theirs);
  CHECK(groups.members(one, whose::all).size() == 2);
  CHECK(groups.members(one, whose::local) == std::vector{ours});
  CHECK(groups.groups(whose::all).size() == 2);
  CHECK(groups.groups(whose::local).size() == 1);
  CHECK(groups.of_node(1) == std::vector{theirs});
}

TEST_CASE("one that is gone leaves all its groups, each as often as it had joined") {
  portions work;
  pg_groups groups(work);
  groups.join(one, ours);
  groups.join(one, ours);
  groups.join(two, ours);
  groups.join(two, ours_too);
  CHECK(groups.groups_of(ours).size() == 2);
  std::uint32_t left = 0;
  for (const auto& [group, times] : groups.leave_all(ours)) left += times;
  CHECK(left == 3);
  CHECK(groups.leave_all(ours).empty());
  CHECK(groups.members(two, whose::all) == std::vector{ours_too});
  CHECK(groups.groups(whose::local).size() == 1);
}

TEST_CASE("memberships are counted for the node whose process has them, each as often as it joined") {
  portions work;
  pg_groups groups(work);
  groups.join(one, ours);
  groups.join(one, theirs);
  groups.join(one, theirs);
  groups.join(two, theirs);
  CHECK(groups.memberships(0) == 1);
  CHECK(groups.memberships(1) == 3);
  CHECK(groups.leave(one, theirs));
  CHECK_FALSE(groups.leave(two, ours));
  CHECK(groups.memberships(1) == 2);
  groups.leave_all(theirs);
  CHECK(groups.memberships(1) == 0);
  CHECK(groups.memberships(0) == 1);
}

TEST_CASE("the name of a group is given once to who leaves it, and its bytes count once for each member") {
  portions work;
  pg_groups groups(work);
  for (int i = 0; i < 1000; ++i) groups.join(one, theirs);
  groups.join(two, theirs);
  CHECK(groups.bytes(1) == one.size() + two.size());
  CHECK(groups.leave_all(theirs).size() == 2);
  CHECK(groups.bytes(1) == 0);
}

// A search of all members for each group would be 10^10 look-ups.
TEST_CASE("many leave many groups in the time of both together") {
  portions work;
  pg_groups groups(work);
  groups.join(one, theirs);
  groups.join(one, theirs);
  groups.join(one, theirs);
  groups.join(two, theirs);
  groups.join(two, ours);
  const std::vector<runtime::pid> leaving(100'000, theirs);
  const std::vector<etf::bytes> from(100'000, two);
  const auto left = groups.leave(from, leaving);
  REQUIRE(left.size() == 1);
  CHECK(left[0].who == std::vector{theirs});
  CHECK(groups.members(two, whose::all) == std::vector{ours});
  CHECK(groups.memberships(1) == 3);
  // Two groups are named, and one pid twice: for each mention, the pid leaves one of its three joins.
  const std::vector<etf::bytes> once{one, two};
  const std::vector<runtime::pid> twice{theirs, theirs, ours_too};
  const auto again = groups.leave(once, twice);
  REQUIRE(again.size() == 1);
  CHECK(again[0].who == std::vector{theirs, theirs});
  CHECK(groups.memberships(1) == 1);
}

TEST_CASE("what a node's processes are in is replaced, and the difference is told") {
  portions work;
  pg_groups groups(work);
  groups.join(one, theirs);
  groups.join(one, theirs);
  groups.join(one, ours);
  groups.join(two, theirs);
  pg_groups wanted(work);
  const std::uint8_t three_bytes[]{97, 3};
  wanted.join(one, theirs);
  wanted.join(three_bytes, theirs);
  wanted.join(three_bytes, theirs);
  const auto [left, joined] = groups.replace(1, wanted);
  CHECK(left.size() == 2);
  REQUIRE(joined.size() == 1);
  CHECK(joined[0].who == std::vector{theirs, theirs});
  CHECK(groups.memberships(1) == 3);
  CHECK(groups.memberships(0) == 1);
  CHECK(groups.members(two, whose::all).empty());
  const auto [more, others] = groups.replace(1, wanted);
  CHECK(more.empty());
  CHECK(others.empty());
}

TEST_CASE(
    "what a node's processes are in is replaced and listed as fast where other nodes have many members") {
  constexpr std::uint32_t others = 10'000;
  const auto steps = [](std::uint32_t members_elsewhere) {
    portions work;
    pg_groups groups(work);
    for (std::uint32_t i = 0; i < members_elsewhere; ++i) groups.join(one, runtime::pid{2, 1, i + 1, 0});
    groups.join(one, theirs);
    groups.join(two, theirs);
    pg_groups wanted(work);
    wanted.join(one, theirs);
    const auto before = work.steps();
    const auto [left, joined] = groups.replace(1, wanted);
    CHECK(left.size() == 1);
    CHECK(joined.empty());
    CHECK(groups.of_node(1) == std::vector{theirs});
    CHECK(groups.of_node(2).size() == members_elsewhere);
    return work.steps() - before - members_elsewhere; // the steps of the last list
  };
  CHECK(steps(others) == steps(0));
}

// Hashing a name of a megabyte for each member would read 100 GB.
TEST_CASE("a group's name is looked at once for all that join or leave it") {
  std::vector<std::uint8_t> name(5 + (std::size_t{1} << 20), 'x');
  const std::uint8_t head[]{109, 0, 0x10, 0, 0};
  std::copy(std::begin(head), std::end(head), name.begin());
  portions work;
  pg_groups groups(work);
  const std::vector<runtime::pid> who(100'000, theirs);
  groups.join(name, who);
  CHECK(groups.memberships(1) == who.size());
  CHECK(groups.leave(name, who).size() == who.size());
  CHECK(groups.groups(whose::all).empty());
}

TEST_CASE("what members and groups take counts as memory in use, while it is there") {
  const auto before = runtime::block_memory::in_use();
  {
    etf::vector_writer name;
    name.binary(std::string(10'000, 'x'));
    portions work;
    pg_groups groups(work);
    groups.join(name.view(), theirs);
    groups.join(name.view(), ours);
    const auto full = runtime::block_memory::in_use();
    CHECK(full >= before + 10'000);
    CHECK(full < before + 20'000);
    groups.join(one, ours);
    groups.leave_all(ours);
    groups.leave(name.view(), theirs);
    CHECK(runtime::block_memory::in_use() == before);
    groups.join(two, theirs);
  }
  CHECK(runtime::block_memory::in_use() == before);
}
