// SPDX-License-Identifier: MIT
// The state tables of a stream: the next state for each event in each state, and the properties that the
// stream asks of a state.
#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "net/stream/stream_state.hpp"
#include "walked_table.hpp"

namespace coppice::net {
namespace {

using life = stream_life_state;
using reading = stream_reading_state;

TEST_CASE("the life of a stream: every state with every event") {
  test::walk<stream_life>({
      // secures, opens, asks_tls, gives_tls, fails, fails_aloud, owner_left, sent_all, closes
      "opening   securing open    !        .         failed !       departing !         closed",
      "securing  !        open    !        .         failed alerted closed    !         closed",
      "open      !        !       awaiting .         failed alerted leaving   .         closed",
      "awaiting  !        !       !        upgrading failed alerted closed    !         closed",
      "upgrading !        open    !        .         failed alerted closed    !         closed",
      "failed    .        .       !        .         .      .       closed    .         closed",
      "alerted   !        !       !        .         .      .       lingering .         closed",
      "departing !        leaving !        !         closed !       !         !         closed",
      "leaving   !        !       !        !         closed closed  !         lingering closed",
      "lingering !        !       !        !         closed closed  !         .         closed",
      "closed    !        !       !        .         .      .       !         .         .",
  });
  CHECK(test::reaches_all<stream_life>());
}

TEST_CASE("what a stream does in each state of its life") {
  // opening, securing, open, awaiting, upgrading, failed, alerted, departing, leaving, lingering, closed
  CHECK(test::where(&stream_life::is_over) == "-----yy---y");
  CHECK(test::where(&stream_life::is_alone) == "-------yyy-");
  CHECK(test::where(&stream_life::is_ready) == "--y-----y--");
  CHECK(test::where(&stream_life::reads) == "-yy-y------");
  CHECK(test::where(&stream_life::sends) == "-yyyy---y--");
  CHECK(test::where(&stream_life::drops) == "--------yy-");
}

TEST_CASE("reading: every state with every event") {
  test::walk<stream_reading>({
      // begins, stops, filled, asked, pauses, resumes, ends
      "idle         running      .          .            .            held         .       ended",
      "running      !            idle       resting      .            held_running .       ending",
      "resting      !            idle       .            running      held_resting .       ending",
      "held         held_running .          .            .            .            idle    held_ended",
      "held_running !            held       held_resting .            .            running held_ending",
      "held_resting !            held       .            held_running .            resting held_ending",
      "ended        !            .          .            .            held_ended   .       .",
      "ending       !            ended      .            .            held_ending  .       .",
      "held_ended   !            .          .            .            .            ended   .",
      "held_ending  !            held_ended .            .            .            ending  .",
  });
  CHECK(test::reaches_all<stream_reading>());
}

TEST_CASE("what is true of each state of reading") {
  // idle, running, resting, held, held_running, held_resting, ended, ending, held_ended, held_ending
  CHECK(test::where(&stream_reading::is_running) == "-yy-yy-y-y");
  CHECK(test::where(&stream_reading::is_held) == "---yyy--yy");
  CHECK(test::where(&stream_reading::has_ended) == "------yyyy");
}

TEST_CASE("an event changes one thing that is true of reading") {
  using event = stream_reading_event;
  for (std::size_t i = 0; i < stream_reading::table::states; ++i) {
    const stream_reading before{static_cast<reading>(i)};
    CAPTURE(i);
    for (const event on :
         {event::stops, event::filled, event::asked, event::pauses, event::resumes, event::ends}) {
      stream_reading after = before;
      after.take(on);
      CHECK(after.is_running() == (before.is_running() && on != event::stops));
      CHECK(after.is_held() == (on == event::pauses || (before.is_held() && on != event::resumes)));
      CHECK(after.has_ended() == (before.has_ended() || on == event::ends));
    }
  }
}

TEST_CASE("writing: every state with every event") {
  test::walk<stream_writing>({
      // begins, finishes, breaks
      "idle      under_way !    broken",
      "under_way !         idle !",
      "broken    !         !    !",
  });
  CHECK(test::reaches_all<stream_writing>());
}

TEST_CASE("the end of what is sent: every state with every event") {
  test::walk<stream_end_of_writing>({
      // asks, says, shuts, is_done
      "open  asked !    !    !",
      "asked .     said shut !",
      "said  .     !    shut !",
      "shut  .     !    !    done",
      "done  .     !    !    !",
  });
  CHECK(test::reaches_all<stream_end_of_writing>());
}

TEST_CASE("the low mark: every state with every event") {
  test::walk<stream_mark>({
      // rises, falls, is_told
      "below     above     .    .",
      "above     .         fell .",
      "fell      rose_anew .    below",
      "rose_anew .         fell above",
  });
  CHECK(test::reaches_all<stream_mark>());
}

TEST_CASE("the end of the loop's turn: every state with every event") {
  test::walk<stream_turn>({
      // schedules, fails, comes, failed
      "idle    due failing .    .",
      "due     .   failing idle .",
      "failing .   .       idle due",
  });
  CHECK(test::reaches_all<stream_turn>());
}

// The next tests follow paths that streams take, as sequences of states.
TEST_CASE("a stream that upgrades to TLS is open, waits for the bytes, shakes hands and is open again") {
  stream_life it;
  std::vector<life> seen;
  for (const auto on : {stream_life_event::opens, stream_life_event::asks_tls, stream_life_event::gives_tls,
                        stream_life_event::opens}) {
    it.take(on);
    seen.push_back(it.now());
  }
  CHECK(seen == std::vector{life::open, life::awaiting, life::upgrading, life::open});
}

TEST_CASE("a stream whose owner leaves lingers when all is sent, also if it leaves afterwards") {
  stream_life before(life::open);
  before.take(stream_life_event::owner_left);
  before.take(stream_life_event::sent_all);
  CHECK(before.is(life::lingering));

  stream_life after(life::open);
  after.take(stream_life_event::sent_all);
  CHECK(after.is(life::open));
  after.take(stream_life_event::owner_left);
  after.take(stream_life_event::sent_all);
  CHECK(after.is(life::lingering));
}

TEST_CASE("nothing leads out of closed") {
  for (std::size_t on = 0; on < stream_life::table::events; ++on)
    CHECK_FALSE(stream_life::after(life::closed, static_cast<stream_life_event>(on)).moves());
}

} // namespace
} // namespace coppice::net
