// SPDX-License-Identifier: MIT
// Which commands of sessions in a leader's log are not applied yet, and how many entries are read to find
// them.
#include "consensus/unapplied_commands.hpp"

#include <doctest/doctest.h>

using namespace coppice::consensus;

namespace {

entry command(std::uint64_t client, std::uint64_t sequence) {
  return {1, client, sequence, entry_kind::command, {}};
}

} // namespace

TEST_CASE("each entry is read once, however often and for however many sessions the log is asked") {
  raft_log log;
  unapplied_commands of;
  constexpr std::uint64_t count = 10'000;
  for (std::uint64_t i = 1; i <= count; ++i) log.append(command(i % 100 + 1, i));
  CHECK(of.follow(log, 1, 0) == count);
  std::uint64_t read = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    read += of.follow(log, 1, i);
    CHECK(of.has(i % 100 + 1, 1));
  }
  CHECK(read == 0);
  log.append(command(7, count + 1));
  CHECK(of.follow(log, 1, 1000) == 1);
  CHECK(of.has(7, count + 1));
  CHECK_FALSE(of.has(7, count + 2));
}

TEST_CASE("a command is among them until it is applied, with the earlier ones of its session") {
  raft_log log;
  unapplied_commands of;
  log.append(command(3, 1));
  log.append({1, 0, 0, entry_kind::command, {}});
  log.append({1, 3, 9, entry_kind::skip, {}});
  log.append(command(4, 2));
  log.append(command(3, 5));
  CHECK_FALSE(of.has(3, 1));
  of.follow(log, 1, 0);
  CHECK(of.size() == 3);
  for (const std::uint64_t number : {1, 4, 5}) CHECK(of.has(3, number));
  CHECK_FALSE(of.has(3, 6));
  CHECK_FALSE(of.has(0, 1));
  CHECK_FALSE(of.has(5, 1));
  of.follow(log, 1, 4);
  CHECK_FALSE(of.has(4, 1));
  CHECK(of.has(3, 5));
  of.follow(log, 1, 5);
  CHECK_FALSE(of.has(3, 1));
  CHECK(of.size() == 0);
}

TEST_CASE("in another term all that the log has by then is read again") {
  raft_log log;
  unapplied_commands of;
  log.append(command(3, 1));
  log.append(command(3, 2));
  of.follow(log, 1, 0);
  log.truncate_from(2);
  log.append({2, 4, 7, entry_kind::command, {}});
  CHECK(of.follow(log, 3, 0) == 2);
  CHECK(of.has(3, 1));
  CHECK_FALSE(of.has(3, 2));
  CHECK(of.has(4, 7));
}

TEST_CASE("a state machine that begins anew has not applied what its snapshot has not") {
  raft_log log;
  unapplied_commands of;
  for (std::uint64_t i = 1; i <= 10; ++i) log.append(command(3, i));
  of.follow(log, 1, 1);
  of.forget_up_to(10);
  CHECK(of.size() == 0);
  CHECK_FALSE(of.has(3, 1));
  CHECK(of.follow(log, 1, 4) == 6);
  CHECK(of.has(3, 10));
}

TEST_CASE("what the log has no more is not read") {
  raft_log log;
  unapplied_commands of;
  for (std::uint64_t i = 1; i <= 10; ++i) log.append(command(3, i));
  log.compact_to(6);
  CHECK(of.follow(log, 1, 2) == 4);
  CHECK(of.has(3, 10));
}
