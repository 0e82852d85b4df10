// SPDX-License-Identifier: MIT
// Snapshots: they are taken, sent in chunks, continued where a transfer stopped, and installed.
#include "one_member.hpp"

using namespace coppice::consensus;
using namespace coppice::consensus::test;

namespace {

// A leader with a snapshot of 10 bytes at index 4 and no entries before that. All followers except the third
// have everything.
one_member with_snapshot(options how = {.keep_entries = 0}) {
  how.snapshot_chunk = 4;
  how.snapshot_window = 2;
  one_member of(core::first_state(voters(3)), how);
  of.establish();
  of.append("a");
  of.append("b");
  of.sync();
  of.say(2, 2, append_answer{true, 4, 0, 0});
  REQUIRE(of.machine->commit() == 4);
  snapshot_meta meta = of.machine->describe(4);
  meta.size = 10;
  meta.digest = 77;
  of.out.clear();
  of.machine->snapshot_taken(of.now, meta, of.out);
  of.note();
  return of;
}

snapshot_chunk chunk(std::uint64_t offset, std::string_view text) {
  return {{5, 2, 10, 77, offset == 0 ? voters(3) : configuration()},
          offset,
          static_cast<std::uint32_t>(text.size()),
          bytes(text)};
}

std::vector<std::uint64_t> offsets(const one_member& of) {
  std::vector<std::uint64_t> made;
  for (const message& one : of.out.messages)
    if (const auto* const part = std::get_if<snapshot_chunk>(&one.body)) made.push_back(part->offset);
  return made;
}

using numbers = std::vector<std::uint64_t>;

} // namespace

TEST_CASE("the log below a snapshot goes") {
  one_member of = with_snapshot();
  REQUIRE(of.out.writes.size() == 1);
  CHECK(of.out.writes[0].compact_to == 4);
  CHECK(of.out.writes[0].compact_term == 2);
  CHECK(of.machine->log().base() == 4);
  CHECK(of.machine->members() == voters(3));
}

TEST_CASE("entries that are kept below a snapshot are bounded by their number and their bytes") {
  options how;
  CHECK(with_snapshot(how).machine->log().base() == 0);
  how.keep_entries = 2;
  CHECK(with_snapshot(how).machine->log().base() == 2);
  how.keep_bytes = 1;
  CHECK(with_snapshot(how).machine->log().base() == 4);
}

TEST_CASE("a follower that is too far behind is sent the snapshot, a window of chunks at a time") {
  one_member of = with_snapshot();
  of.say(3, 2, append_answer{false, 1, 0, 0});
  CHECK(offsets(of) == numbers{0, 4});
  of.say(3, 2, snapshot_answer{4, 77, 4, true});
  CHECK(offsets(of) == numbers{8});
  of.say(3, 2, snapshot_answer{4, 78, 8, true});
  CHECK(of.dropped(drop::stale) == 1);
  of.say(3, 2, snapshot_answer{4, 77, 99, true});
  CHECK(of.dropped(drop::malformed) == 1);
  of.append("c");
  CHECK(offsets(of).empty());
  of.say(3, 2, append_answer{true, 4, 0, 0});
  REQUIRE(of.sent<append_request>(3));
  CHECK(of.sent<append_request>(3)->previous == 4);
}

TEST_CASE("a transfer goes on where the receiver says, and begins anew where it lost what it had") {
  one_member of = with_snapshot();
  of.say(3, 2, append_answer{false, 1, 0, 0});
  of.say(3, 2, snapshot_answer{4, 77, 8, false});
  CHECK(offsets(of) == numbers{8});
  of.say(3, 2, snapshot_answer{4, 77, 0, false});
  CHECK(offsets(of) == numbers{0, 4});
}

TEST_CASE("a heartbeat that overtakes chunks has none sent again, and one behind them that is answered has") {
  one_member of = with_snapshot();
  of.pass(of.how.heartbeat);
  of.say(3, 2, append_answer{false, 1, 0, 0});
  REQUIRE(offsets(of) == numbers{0, 4});
  std::uint64_t behind = 0; // round of the first heartbeat sent after the chunks
  for (coppice::base::nanos waited = 0; waited < of.how.election; waited += of.how.heartbeat) {
    of.pass(of.how.heartbeat);
    if (behind == 0) behind = of.sent<heartbeat>(3)->round;
    const auto beat = of.overtaking(3);
    REQUIRE(beat);
    of.say(3, 2, heartbeat_answer{beat->round, 0, 0, {}});
    CHECK(offsets(of).empty());
  }
  of.say(3, 2, heartbeat_answer{behind, 0, 0, {}});
  CHECK(offsets(of) == numbers{0, 4});
}

TEST_CASE("a snapshot that is being sent is kept until the transfer ends") {
  one_member of = with_snapshot();
  of.say(3, 2, append_answer{false, 1, 0, 0});
  of.append("c");
  of.sync();
  of.say(2, 2, append_answer{true, 5, 0, 0});
  snapshot_meta later = of.machine->describe(5);
  later.size = 10;
  later.digest = 78;
  of.out.clear();
  of.machine->snapshot_taken(of.now, later, of.out);
  CHECK(of.out.released.empty());
  CHECK(of.machine->log().base() == 4); // entries after the snapshot that is being sent are kept
  of.say(3, 2, append_answer{true, 4, 0, 0});
  REQUIRE(of.out.released.size() == 1);
  CHECK(of.out.released[0].index == 4);
}

TEST_CASE("a receiver takes chunks in order, and installs the whole once it is on its disk") {
  one_member of;
  of.say(2, 2, chunk(4, "4567"));
  of.sync();
  CHECK(of.sent<snapshot_answer>(2)->offset == 0);
  CHECK_FALSE(of.sent<snapshot_answer>(2)->accepted);
  of.say(2, 2, chunk(0, "0123"));
  CHECK_FALSE(of.sent<snapshot_answer>(2));
  of.sync();
  CHECK(of.sent<snapshot_answer>(2)->offset == 4);
  of.say(2, 2, chunk(8, "89"));
  of.sync();
  CHECK(of.sent<snapshot_answer>(2)->offset == 4);
  of.say(2, 2, chunk(0, "0123")); // the same chunk twice
  CHECK(of.sent<snapshot_answer>(2)->offset == 4);
  of.say(2, 2, chunk(4, "4567"));
  of.say(2, 2, chunk(8, "89"));
  REQUIRE(of.out.writes.size() == 1);
  CHECK(of.out.writes[0].install->index == 5);
  CHECK_FALSE(of.out.writes[0].keep_log);
  CHECK_FALSE(of.out.restore);
  of.sync();
  REQUIRE(of.out.restore);
  CHECK(of.out.restore->index == 5);
  CHECK(of.sent<append_answer>(2)->index == 5);
  CHECK(of.machine->log().last() == 5);
  CHECK(of.machine->commit() == 5);
  CHECK(of.machine->snapshot().digest == 77);
  of.say(2, 2, append_request{5, 2, 6, {command(2, "a")}});
  CHECK(of.out.committed == 6);
}

TEST_CASE("entries behind a snapshot stay where the log has its last entry") {
  one_member of;
  std::vector<entry> entries;
  for (int i = 0; i < 6; ++i) entries.push_back(command(2, "x"));
  of.say(2, 2, append_request{1, 1, 0, entries});
  of.say(2, 2, chunk(0, "0123456789"));
  REQUIRE(of.out.writes.size() == 1);
  CHECK(of.out.writes[0].keep_log);
  CHECK(of.machine->log().base() == 5);
  CHECK(of.machine->log().last() == 7);
  of.sync();
  CHECK(of.machine->on_disk() == 7);
}

TEST_CASE("a snapshot of what is committed already is not taken") {
  one_member of;
  std::vector<entry> entries;
  for (int i = 0; i < 6; ++i) entries.push_back(command(2, "x"));
  of.say(2, 2, append_request{1, 1, 7, entries});
  of.say(2, 2, chunk(0, "0123"));
  of.sync();
  CHECK(of.sent<append_answer>(2)->index == 7);
  CHECK_FALSE(of.sent<snapshot_answer>(2));
}

TEST_CASE("a member starts from its snapshot, also where the log did not get as far") {
  durable_state found = core::first_state(voters(3));
  found.hard.term = 4;
  found.snapshot = {9, 3, 10, 77, voters(4)};
  one_member of(std::move(found));
  CHECK(of.machine->log().base() == 9);
  CHECK(of.machine->log().last_term() == 3);
  CHECK(of.machine->members() == voters(4));
  CHECK(of.machine->commit() == 9);
  CHECK(of.machine->describe(9).term == 3);
  CHECK(of.machine->describe(10).index == 0);
}

TEST_CASE("the snapshot that an install replaces is released once the new one is on disk") {
  durable_state found = core::first_state(voters(3));
  found.hard.term = 2;
  found.entries.push_back(command(2, "a"));
  found.snapshot = {2, 2, 10, 70, voters(3)};
  one_member of(std::move(found));
  of.say(2, 2, chunk(0, "0123456789"));
  CHECK(of.machine->snapshot().digest == 77);
  CHECK(of.out.released.empty());
  // The state machine has taken a snapshot meanwhile, which is newer than the one on disk.
  of.out.clear();
  of.machine->snapshot_taken(of.now, {3, 2, 10, 71, voters(3)}, of.out);
  CHECK(of.out.released.empty());
  of.sync();
  REQUIRE(of.out.released.size() == 2);
  CHECK(of.out.released[0].digest == 70);
  CHECK(of.out.released[1].digest == 71);
  of.out.clear();
  of.machine->snapshot_taken(of.now, {4, 2, 10, 72, voters(3)}, of.out);
  REQUIRE(of.out.released.size() == 1);
  CHECK(of.out.released[0].digest == 72);
  of.out.clear();
  of.machine->snapshot_taken(of.now, of.machine->snapshot(), of.out);
  CHECK(of.out.released.empty());
}

TEST_CASE("a member that starts from a snapshot of a later term than its own begins in that term") {
  for (const bool empty : {true, false}) {
    durable_state found = empty ? durable_state() : core::first_state(voters(3));
    found.snapshot = {9, 6, 10, 77, voters(3)};
    options how;
    how.cluster = {1, 1};
    how.self = id(1);
    effects out;
    least chance;
    auto made = core::start(how, chance, std::move(found), 0, out);
    REQUIRE(made);
    CHECK((*made)->term() == 6);
    REQUIRE_FALSE(out.writes.empty());
    CHECK(out.writes.back().hard == hard_state{6, {}});
    (*made)->written(0, out.writes.back().number, out);
    CHECK((*made)->on_disk() == 9);
  }
}

TEST_CASE("a snapshot whose term is below that of what is committed is refused") {
  one_member of;
  of.say(2, 3, append_request{1, 1, 3, {command(3, "a"), command(3, "b")}});
  of.sync();
  REQUIRE(of.machine->commit() == 3);
  of.say(2, 3, snapshot_chunk{{9, 2, 4, 1, voters(3)}, 0, 4, bytes("abcd")});
  CHECK(of.dropped(drop::impossible) == 1);
  CHECK(of.out.writes.empty());
  CHECK(of.machine->commit() == 3);
  of.say(2, 3, snapshot_chunk{{9, 3, 4, 1, voters(3)}, 0, 4, bytes("abcd")});
  CHECK(of.machine->commit() == 9);
}
