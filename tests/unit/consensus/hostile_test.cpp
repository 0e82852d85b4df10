// SPDX-License-Identifier: MIT
// A member among others that send arbitrary messages: committed entries stay, terms never fall, each term has
// one vote, and nothing grows without a bound.
#include "one_member.hpp"
#include "simulation/dice.hpp"

using namespace coppice;
using namespace coppice::consensus;
using namespace coppice::consensus::test;
using coppice::consensus::simulation::dice;

namespace {

std::uint64_t number(dice& chance, std::uint64_t about) {
  switch (chance.below(12)) {
    case 0:
      return 0;
    case 1:
      return UINT64_MAX - chance.below(3);
    case 2:
      return largest_number - chance.below(3);
    default:
      return about + chance.below(6) - std::min<std::uint64_t>(about, 3);
  }
}

message_body anything(dice& chance, const core& of) {
  const log_index index = number(chance, of.log().last());
  const term_number term = number(chance, of.log().term_at(std::min(index, of.log().last())));
  switch (chance.below(12)) {
    case 0:
      return vote_request{index, term, chance.chance(500), chance.chance(200)};
    case 1:
      return vote_answer{chance.chance(500), chance.chance(700)};
    case 2:
    case 3: {
      append_request made{index, term, number(chance, of.commit()), {}};
      for (std::uint64_t left = chance.below(4); left > 0; --left) {
        made.entries.push_back(
            command(chance.chance(700) ? of.term() : number(chance, of.term()), "hostile"));
        if (!chance.chance(100)) continue;
        made.entries.back().kind = static_cast<entry_kind>(chance.below(8));
        if (chance.chance(500)) made.entries.back().body = voters(1 + chance.below(5)).encode();
      }
      return made;
    }
    case 4:
      return append_answer{chance.chance(600), index, number(chance, index), term};
    case 5:
      return heartbeat{number(chance, of.commit()), number(chance, 5)};
    case 6:
      return heartbeat_answer{number(chance, 5), index, number(chance, index), {}};
    case 7:
      return read_request{number(chance, 5)};
    case 8:
      return read_answer{number(chance, 5), index};
    case 9: {
      snapshot_chunk made{{index, term, number(chance, 8), chance.below(2), voters(chance.below(4))},
                          number(chance, 4),
                          0,
                          bytes("abcd")};
      made.length = static_cast<std::uint32_t>(chance.chance(900) ? 4 : number(chance, 4));
      return made;
    }
    case 10:
      return snapshot_answer{index, chance.below(2), number(chance, 4), chance.chance(500)};
    default:
      return elect_now{};
  }
}

} // namespace

TEST_CASE("whatever members say, what is committed stays and a term has one vote") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    dice chance(seed);
    options how;
    how.pending = 50;
    how.keep_entries = 2;
    one_member of(core::first_state(voters(3)), how);
    if (seed % 2 == 0) of.establish();
    std::vector<std::pair<log_index, term_number>> committed;
    hard_state last;
    for (int step = 0; step < 3000; ++step) {
      const term_number term = number(chance, of.machine->term());
      const log_index commit = of.machine->commit();
      of.say(1 + chance.below(5),
             chance.chance(700) ? of.machine->term() : std::min(term, of.machine->term() + 3),
             anything(chance, *of.machine));
      for (const consensus::write& one : of.out.writes) {
        if (!one.hard) continue;
        REQUIRE(one.hard->term >= last.term);
        if (one.hard->term == last.term && last.voted_for) {
          REQUIRE(one.hard->voted_for == last.voted_for);
        }
        last = *one.hard;
      }
      REQUIRE(of.machine->commit() >= commit);
      const raft_log& log = of.machine->log();
      REQUIRE(of.machine->commit() <= log.last());
      for (const auto& one : committed) {
        if (one.first > log.base()) REQUIRE(log.term_at(one.first) == one.second);
      }
      if (of.machine->commit() > commit && of.machine->commit() > log.base())
        committed.emplace_back(of.machine->commit(), log.term_at(of.machine->commit()));
      if (chance.chance(300)) of.sync();
      if (chance.chance(50)) of.pass(chance.between(1, 1500) * ms);
      if (chance.chance(100)) of.append("mine");
      if (chance.chance(50)) {
        of.out.clear();
        of.machine->read(of.now, 1, of.out);
        of.note();
      }
      REQUIRE(of.machine->on_disk() <= log.last());
    }
  }
}
