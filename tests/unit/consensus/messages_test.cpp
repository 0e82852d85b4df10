// SPDX-License-Identifier: MIT
// Messages that make no sense are dropped and counted, whatever they contain.
#include "one_member.hpp"

using namespace coppice::consensus;
using namespace coppice::consensus::test;

TEST_CASE("a message for another cluster or another member is dropped") {
  one_member of;
  of.out.clear();
  of.machine->receive(of.now, {{2, 2}, id(2), id(1), 2, heartbeat{0, 1}}, of.out);
  of.machine->receive(of.now, {{1, 1}, id(2), id(3), 2, heartbeat{0, 1}}, of.out);
  of.machine->receive(of.now, {{1, 1}, id(1), id(1), 2, heartbeat{0, 1}}, of.out);
  CHECK(of.dropped(drop::cluster) == 1);
  CHECK(of.dropped(drop::receiver) == 2);
  CHECK(of.out.messages.empty());
  CHECK(of.machine->term() == 1);
}

TEST_CASE("numbers and orders that cannot be are dropped") {
  const std::uint64_t huge = UINT64_MAX;
  snapshot_meta five{5, 1, 10, 1, voters(3)};
  snapshot_meta nobody{5, 1, 10, 1, {}};
  const message_body bodies[] = {
      append_request{huge, 1, 0, {command(1, "a")}},
      append_request{1, 0, 0, {}},
      append_request{0, 1, 0, {}},
      append_request{1, 3, 0, {}},
      append_request{1, 1, huge, {}},
      append_request{1, 1, 0, {command(0, "a")}},
      append_request{1, 1, 0, {command(2, "a"), command(1, "b")}},
      append_request{1, 1, 0, {command(3, "a")}},
      append_request{1, 1, 0, {{2, 0, 0, entry_kind::configuration, bytes("no")}}},
      append_request{1, 1, 0, {{2, 0, 0, static_cast<entry_kind>(99), bytes("no")}}},
      vote_request{huge, 1, false, false},
      vote_request{1, 2, false, false},
      heartbeat{huge, 1},
      heartbeat_answer{1, 1, 2, {}},
      append_answer{true, huge, 0, 0},
      snapshot_chunk{five, 8, 3, bytes("abc")},
      snapshot_chunk{five, huge, 3, bytes("abc")},
      snapshot_chunk{five, 0, 4, bytes("abc")},
      snapshot_chunk{nobody, 0, 3, bytes("abc")},
      snapshot_chunk{{0, 1, 10, 1, voters(3)}, 0, 3, bytes("abc")},
      snapshot_chunk{{5, 3, 10, 1, voters(3)}, 0, 3, bytes("abc")},
      snapshot_chunk{{5, 1, huge, 1, voters(3)}, 0, 3, bytes("abc")},
  };
  for (const message_body& body : bodies) {
    one_member of;
    CAPTURE(body.index());
    of.say(2, 2, body);
    CHECK(of.dropped(drop::malformed) == 1);
    CHECK(of.machine->term() == 1);
    CHECK(of.out.writes.empty());
  }
  one_member of;
  of.say(2, 0, heartbeat{0, 1});
  of.say(2, huge, heartbeat{0, 1});
  CHECK(of.dropped(drop::malformed) == 2);
  const term_number far = std::uint64_t{1} << 32;
  of.say(2, far + 2, heartbeat{0, 1});
  of.say(2, far + 2, vote_answer{false, false});
  of.say(2, largest_number, vote_request{1, 1, false, false});
  CHECK(of.dropped(drop::malformed) == 5);
  CHECK(of.machine->term() == 1);
  of.say(2, far + 1, heartbeat{0, 1});
  CHECK(of.machine->term() == far + 1);
}

TEST_CASE("what contradicts what is committed, or a second leader of a term, is dropped") {
  one_member of;
  of.say(2, 2, append_request{1, 1, 3, {command(2, "a"), command(2, "b")}});
  REQUIRE(of.machine->commit() == 3);
  of.say(3, 2, heartbeat{0, 1});
  CHECK(of.dropped(drop::impossible) == 1);
  of.say(3, 3, append_request{1, 1, 4, {command(3, "c"), command(3, "d"), command(3, "e")}});
  CHECK(of.dropped(drop::impossible) == 2);
  CHECK(of.machine->log().last() == 3);
  one_member leader;
  leader.establish();
  leader.say(2, 2, append_request{1, 1, 0, {}});
  leader.say(2, 2, append_answer{true, 99, 0, 0});
  leader.say(2, 2, heartbeat_answer{1'000'000, 0, 0, {}});
  CHECK(leader.dropped(drop::impossible) == 3);
  CHECK(leader.machine->what() == role::leader);
}

TEST_CASE("of those that are no members, a newer leader and a candidate with a longer log are heard") {
  one_member of;
  of.say(9, 2, append_answer{true, 1, 0, 0});
  of.say(9, 2, vote_answer{false, true});
  of.say(9, 2, read_request{1});
  of.say(9, 2, vote_request{1, 1, false, false});
  CHECK(of.dropped(drop::sender) == 4);
  CHECK(of.machine->term() == 1);
  of.say(9, 3, vote_request{2, 1, false, false});
  of.sync();
  CHECK(of.sent<vote_answer>(9)->granted);
  of.say(9, 3, append_request{1, 1, 0, {command(3, "a")}});
  CHECK(of.machine->leader() == id(9));
  of.say(8, 3, heartbeat{0, 1});
  CHECK(of.dropped(drop::sender) == 5);
}
