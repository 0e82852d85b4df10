// SPDX-License-Identifier: MIT
// Tests of the ledger's state machine without a host: this file includes the plugin's source and calls its
// members as the members of a group are called. Also tests the built plugin as a group of members.
#include <doctest/doctest.h>
#include <coppice/testing/raft.hpp>

#include <coppice/testing/erlang.hpp>

#include <cstdint>
#include <string>

#include "../../../plugins/ledger/ledger.cpp"
#include "places.hpp"

using namespace ledger;

namespace {

coppice_entry raw(std::uint64_t serial) {
  return {sizeof(coppice_entry), 0, serial, 1000, 7};
}

struct machine : ledger_machine {
  template <class Command>
  auto does(const Command& what) {
    const coppice_entry at = raw(++serial);
    return apply(coppice::entry(at), what);
  }
  template <class Command>
  std::string refuses(const Command& what) {
    try {
      (void)does(what);
    } catch (const coppice::discarded& why) {
      std::string_view word;
      coppice::etf::cursor(why.reason).read_atom(word);
      return std::string(word);
    }
    return "done";
  }
  std::uint64_t serial = 0;
};

} // namespace

TEST_CASE("deposits and transfers move money, and none comes or goes otherwise") {
  machine one;
  CHECK(one.does(deposit{"alice", 10}) == 10);
  CHECK(one.does(deposit{"alice", 5}) == 15);
  const balances after = one.does(transfer{"alice", "bob", 7});
  CHECK(after.of_from == 8);
  CHECK(after.of_to == 7);
  CHECK(one.handle_query(balance{"bob"}) == 7);
  CHECK(one.handle_query(balance{"nobody"}) == 0);
  CHECK(one.handle_query(accounts{}) == 2);
  CHECK(one.handle_query(total{}) == 15);
}

TEST_CASE("a refused command changes nothing") {
  machine one;
  one.does(deposit{"alice", 10});
  const auto before = one.save_state();
  CHECK(one.refuses(transfer{"alice", "bob", 11}) == "insufficient");
  CHECK(one.refuses(transfer{"nobody", "alice", 1}) == "insufficient");
  CHECK(one.refuses(transfer{"alice", "alice", 1}) == "same_account");
  CHECK(one.refuses(transfer{"alice", "bob", -1}) == "bad_amount");
  CHECK(one.refuses(deposit{"carol", 0}) == "bad_amount");
  CHECK(one.refuses(deposit{"carol", most + 1}) == "bad_amount");
  CHECK(one.refuses(deposit{"alice", most}) == "too_much");
  one.does(deposit{"bob", most});
  CHECK(one.refuses(transfer{"alice", "bob", 1}) == "too_much");
  CHECK(one.handle_query(balance{"alice"}) == 10);
  CHECK(one.save_state().size() == before.size() + 1);
}

TEST_CASE("what validate refuses, apply refuses too") {
  const machine one;
  CHECK_THROWS_AS(one.validate(deposit{"a", 0}), coppice::discarded);
  CHECK_THROWS_AS(one.validate(transfer{"a", "a", 1}), coppice::discarded);
  CHECK_NOTHROW(one.validate(transfer{"a", "b", 1}));
}

TEST_CASE("members of a group answer alike, have the same accounts, and go on alike from a snapshot") {
  using namespace coppice::testing::literals;
  using coppice::testing::raft_answer;
  const auto plugin =
      coppice::testing::plugin::load(std::string(PLUGIN_FOLDER) + "/ledger.so"); // as a node loads it
  coppice::testing::raft_in_test group(plugin);
  std::int64_t sum = 0;
  for (int i = 0; i < 50; ++i) {
    if (i == 25) group.snapshot();
    group.append(deposit{"account " + std::to_string(i % 7), i + 1});
    sum += i + 1;
  }
  CHECK(group.append(transfer{"account 0", "account 1", 3}).what == raft_answer::kind::done);
  const raft_answer late = group.append(transfer{"account 0", "account 1", 1'000'000});
  CHECK(late.what == raft_answer::kind::discarded);
  CHECK(late.serial == 52);
  CHECK(late.term == "insufficient"_erl);
  const raft_answer early = group.append(transfer{"account 0", "account 0", 1});
  CHECK(early.serial == 0);
  CHECK(early.term == "same_account"_erl);
  CHECK(group.query("total"_erl).term == sum);
  CHECK(group.query("accounts"_erl).term == 7);
  CHECK(group.complaints().empty());
}
