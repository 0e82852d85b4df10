// SPDX-License-Identifier: MIT
// Tests of coppice/testing.hpp: for each known class of bug in an actor, the kit reports a sentence.
#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

using lines = std::vector<std::string>;

namespace {

constexpr const char* kept_bytes =
    " with bytes of a message that had ended: it has kept a view or a pointer; keep a copy, such as a "
    "std::string, or retain the message";

// The complaints about an actor that gets the messages in `come`. "ask": a call. "reload" at the end: a
// reload.
lines complaints(const std::string& name, const std::vector<std::string>& come) {
  const plugin first = fixture("faulty_1");
  const plugin second = fixture("faulty_2");
  take_complaints();
  lines told;
  {
    actor one(first, {.actor = name});
    for (const std::string& each : come) {
      if (each == "ask")
        one.call("ask"_erl);
      else if (each != "reload")
        one.send(erl(each));
    }
    one.advance(2s);
    const saved_state saved = one.save();
    told = one.did.complaints;
    if (!come.empty() && come.back() == "reload") {
      actor next = actor::restored(second, saved, {.actor = name});
      told.insert(told.end(), next.did.complaints.begin(), next.did.complaints.end());
    }
  }
  for (std::string& each : take_complaints()) told.push_back(std::move(each));
  return told;
}

} // namespace

TEST_CASE("each known class of bug is told in a sentence") {
  const struct {
    const char* actor;
    std::vector<std::string> come;
    lines told;
  } all[] = {
      {"leaks",
       {"go", "go"},
       {"actor leaks has ended, and its handle_info has left 2 messages that nothing released: release each "
        "message that it makes, takes or retains"}},
      {"replies_twice",
       {"ask"},
       {"its handle_call called coppice.call/1's reply twice for the call in hand"}},
      {"sends_in_save",
       {},
       {"its save_state called coppice.actor/1's send, which is allowed only after the switch: use "
        "after_restore"}},
      {"keeps_view",
       {"{hold, <<\"some tea\">>}", "tell"},
       {std::string("its handle_info used a message") + kept_bytes}},
      {"keeps_view",
       {"{hold, <<\"some tea\">>}", "go"},
       {std::string("its handle_info used the text of a log line") + kept_bytes}},
      {"keeps_from", {"ask", "go"}, {std::string("its handle_info used a `from`") + kept_bytes}},
      {"loses_timer", {"go"}, {"its timer has sent it tick, which no callback takes: the timer is lost"}},
      {"forgets",
       {"reload"},
       {"its state_version is still 1, but its save_state adds limit to what the code before it saved: raise "
        "state_version, and read both forms"}},
      {"reshapes",
       {"reload"},
       {"its state_version is still 1, but its save_state writes a binary and not a number, which is what "
        "the "
        "code before it saved: raise state_version, and read both forms"}},
      {"refuses",
       {"reload"},
       {"its state_version is still 1, but its restore_state refuses what the code before it saved: raise "
        "state_version, and read both forms"}},
  };
  for (const auto& each : all) {
    const lines told = complaints(each.actor, each.come);
    const std::string first = told.empty() ? "nothing" : told[0];
    CAPTURE(first);
    CHECK(told == each.told);
  }
}

TEST_CASE("an actor that does none of it is not complained of") {
  CHECK(complaints("leaks", {}).empty());
  CHECK(complaints("replies_twice", {}).empty());
  CHECK(complaints("keeps_view", {"{hold, <<\"some tea\">>}"}).empty());
  CHECK(complaints("loses_timer", {}).empty());
  CHECK(complaints("forgets", {"go"}).empty());
}

TEST_CASE("the bytes of a message are other ones as soon as its callback has returned") {
  const plugin faulty = fixture("faulty_1");
  actor one(faulty, {.actor = "keeps_view"});
  one.send("{hold, <<\"tea\">>}"_erl);
  one.send("tell"_erl);
  REQUIRE(one.did.sent.size() == 1);
  CHECK(one.did.sent[0].term == "<<251,251,251>>"_erl);
}
