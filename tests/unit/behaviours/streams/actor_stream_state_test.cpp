// SPDX-License-Identifier: MIT
// Tests of the state tables of an actor's stream, and of the questions that the stream asks them.
#include "behaviours/streams/actor_stream_state.hpp"

#include <doctest/doctest.h>

#include "walked_table.hpp"

namespace coppice::behaviours {
namespace {

TEST_CASE("the life of an actor's stream: every state with every event") {
  test::walk<actor_stream_life>({
      // expects_header, has_header, opens, breaks, ends, told, handed_over
      "opening proxied !       open !      ending !    !",
      "proxied !       opening !    !      ending !    !",
      "open    !       !       .    broken ending !    gone",
      "broken  !       !       .    !      ending !    !",
      "ending  !       !       .    !      !      gone !",
      "gone    !       !       .    !      !      !    !",
  });
  CHECK(test::reaches_all<actor_stream_life>());
}

TEST_CASE("what an actor's stream does in each state of its life") {
  // opening, proxied, open, broken, ending, gone
  CHECK(test::where(&actor_stream_life::is_opening) == "yy----");
  CHECK(test::where(&actor_stream_life::hands_out) == "--yy--");
  CHECK(test::where(&actor_stream_life::is_timed) == "-yy---");
  CHECK(test::where(&actor_stream_life::has_socket) == "yyy---");
  CHECK(test::where(&actor_stream_life::is_over) == "----yy");
}

TEST_CASE("what an actor is to be told of its stream: every state with every event") {
  test::walk<actor_stream_news>({
      // connects, secures, tells_connected, tells_secured
      "none      connected secured .       .",
      "connected !         both    none    .",
      "secured   !         .       .       none",
      "both      !         .       secured connected",
  });
  CHECK(test::reaches_all<actor_stream_news>());
  // none, connected, secured, both
  CHECK(test::where(&actor_stream_news::has_connected) == "-y-y");
  CHECK(test::where(&actor_stream_news::has_secured) == "--yy");
}

TEST_CASE("the peer's end: every state with every event") {
  test::walk<actor_stream_input>({
      // ends, is_told
      "comes ended !",
      "ended .     told",
      "told  .     .",
  });
  CHECK(test::reaches_all<actor_stream_input>());
}

TEST_CASE("room for writes: every state with every event") {
  test::walk<actor_stream_room>({
      // refuses, drains, is_told
      "there   refused .       .",
      "refused .       drained .",
      "drained anew    .       there",
      "anew    .       drained refused",
  });
  CHECK(test::reaches_all<actor_stream_room>());
}

TEST_CASE("bytes that on_data has: every state with every event") {
  test::walk<actor_stream_loan>({
      // lends, cuts, secures, returns
      "none    lent .   .       !",
      "lent    !    cut secured none",
      "cut     !    .   secured none",
      "secured !    .   .       none",
  });
  CHECK(test::reaches_all<actor_stream_loan>());
}

} // namespace
} // namespace coppice::behaviours
