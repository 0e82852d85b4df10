// SPDX-License-Identifier: MIT
// A member whose majority is lost for good becomes a group of one, in a new cluster and with all of its log,
// without hearing from the others.
#include "one_member.hpp"

using namespace coppice;
using namespace coppice::consensus;
using namespace coppice::consensus::test;

namespace {

constexpr cluster_id fresh{2, 2};

void recover(one_member& of, std::uint64_t token, const cluster_id& as = fresh) {
  of.out.clear();
  of.machine->recover_alone(of.now, token, as, of.out);
  of.note();
}

// A member with entries of a leader that is gone. Its log has four entries; two of them are known to be
// committed.
one_member left_alone() {
  one_member of;
  of.say(2, 2, append_request{1, 1, 2, {command(2, "a"), command(2, "b"), command(2, "c")}});
  of.sync();
  return of;
}

} // namespace

TEST_CASE("a member that recovers alone leads a new cluster with all that it has, once that is on disk") {
  one_member of = left_alone();
  of.pass(2 * of.how.election);
  REQUIRE_FALSE(of.machine->leader());
  const term_number term = of.machine->term();
  recover(of, 9);
  CHECK(of.out.answers.empty());
  CHECK(of.out.messages.empty());
  CHECK(of.machine->what() == role::candidate);
  REQUIRE(of.out.writes.size() == 1);
  const consensus::write& change = of.out.writes[0];
  CHECK(change.cluster == fresh);
  CHECK(change.hard == hard_state{term + 1, id(1)});
  CHECK(change.first == 5);
  REQUIRE(change.entries.size() == 1);
  CHECK(change.entries[0].kind == entry_kind::configuration);
  CHECK(of.machine->cluster() == fresh);
  of.sync();
  CHECK(of.machine->what() == role::leader);
  of.sync();
  CHECK(of.answer_to(9) == outcome::committed);
  CHECK(of.out.committed == 6);
  CHECK(of.out.messages.empty());
  CHECK(of.machine->members() == voters(1));
  of.append("d");
  of.sync();
  CHECK(of.answer_to(1) == outcome::committed);
}

TEST_CASE("a member recovers alone only where no leader is known, and only with a log and a new cluster id") {
  one_member leads;
  leads.establish();
  recover(leads, 1);
  CHECK(leads.answer_to(1) == outcome::has_leader);
  one_member of = left_alone();
  recover(of, 1);
  CHECK(of.answer_to(1) == outcome::has_leader);
  CHECK(of.machine->cluster() == of.how.cluster);
  of.pass(2 * of.how.election);
  recover(of, 2, {});
  CHECK(of.answer_to(2) == outcome::invalid);
  recover(of, 3, of.how.cluster);
  CHECK(of.answer_to(3) == outcome::invalid);
  one_member empty(durable_state{});
  recover(empty, 4);
  CHECK(empty.answer_to(4) == outcome::invalid);
  CHECK(empty.out.writes.empty());
}

TEST_CASE("a member that recovers alone neither hears the cluster that was nor keeps a promise to it") {
  one_member of = left_alone();
  of.pass(2 * of.how.election);
  of.say(3, of.machine->term() + 1, vote_request{9, 2, false, false}); // its answer waits for the disk
  recover(of, 9);
  of.sync();
  CHECK(of.sent<vote_answer>(3) == nullptr);
  REQUIRE(of.machine->what() == role::leader);
  of.say(3, of.machine->term() + 1, append_request{4, 2, 4, {}}); // from the former cluster
  CHECK(of.dropped(drop::cluster) == 1);
  CHECK(of.machine->what() == role::leader);
  of.how.cluster = fresh;
  // Its log is longer than any in this cluster.
  of.say(3, of.machine->term() + 1, vote_request{99, 2, false, true});
  CHECK(of.machine->what() == role::leader);
}

TEST_CASE("a member without a vote can recover alone, and starts as a group of one from then on") {
  configuration members = voters(3);
  members.put({id(1), member_role::learner, "here"});
  durable_state found = core::first_state(members);
  one_member of(found);
  recover(of, 9);
  REQUIRE(of.out.writes.size() == 1);
  found.hard = *of.out.writes[0].hard;
  found.entries.push_back(of.out.writes[0].entries[0]);
  options how;
  how.cluster = *of.out.writes[0].cluster;
  how.self = id(1);
  class least chance;
  effects out;
  auto again = core::start(how, chance, found, 0, out);
  REQUIRE(again);
  core& machine = **again;
  CHECK(machine.members().find(id(1))->address == "here");
  machine.advance(2 * how.election, out);
  while (!out.writes.empty()) {
    const std::uint64_t number = out.writes.back().number;
    out.writes.clear();
    machine.written(2 * how.election, number, out);
  }
  CHECK(machine.established());
  CHECK(out.messages.empty());
}
