// SPDX-License-Identifier: MIT
// Tests of coppice/testing.hpp: an actor that breaks the ABI's rules is refused as in a node, and reported.
#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

using lines = std::vector<std::string>;

TEST_CASE("messages that are not given back, or given back though borrowed, are told") {
  const plugin rude = fixture("rude");
  const auto messages_before = live_messages();
  take_complaints();
  {
    actor one(rude);
    one.send("release_borrowed"_erl);
    CHECK(one.did.complaints == lines{"released a message that it had only borrowed"});
    one.send("unknown"_erl); // a node logs and drops it
    CHECK(one.alive());
    actor cut(rude);
    cut.send("cut_term"_erl);
    CHECK(text(cut.reason()) == "bad_term");
    actor odd(rude);
    odd.send("answer_42"_erl);
    CHECK(text(odd.reason()) == "{bad_return_value,42}");
  }
  CHECK(live_messages() == messages_before);
  {
    actor one(rude);
    one.send("leak"_erl);
  }
  CHECK(live_messages() == messages_before + 1);
  CHECK(take_complaints() ==
        lines{"actor rude has ended, and its handle_info has left a message that nothing released: "
              "release each message that it makes, takes or retains"});
}

TEST_CASE("a second reply to the call in hand is E_USED and told") {
  const plugin rude = fixture("rude");
  actor one(rude);
  CHECK(one.call("twice"_erl) == "twice"_erl);
  CHECK(one.alive());
  CHECK(one.did.complaints ==
        lines{"its handle_call called coppice.call/1's reply twice for the call in hand"});
}

TEST_CASE("a second reply at any other time does nothing") {
  const plugin ledgers = fixture("ledger_1");
  actor one(ledgers);
  const coppice::testing::answer first = one.call("wait"_erl);
  one.cast("release"_erl);
  one.cast("release_again"_erl);
  CHECK(first == "released"_erl);
  CHECK(one.alive());
  CHECK(one.did.complaints.empty());
}

TEST_CASE("a call that is left without a reply is told when its caller gives up, once, also after a reload") {
  const plugin ledgers = fixture("ledger_1");
  actor one(ledgers);
  one.call("wait"_erl);
  one.advance(4s);
  CHECK(one.did.complaints.empty());
  one.advance(1s);
  REQUIRE(one.did.complaints.size() == 1);
  CHECK(one.did.complaints[0] ==
        "its handle_call has left wait without a reply for 5 s: return the reply, or "
        "keep a copy of `from` and reply by it");
  one.advance(10s);
  CHECK(one.did.complaints.size() == 1);

  actor former(ledgers);
  former.call("wait"_erl);
  actor next = actor::restored(ledgers, former.save());
  next.advance(5s);
  CHECK(next.did.complaints.size() == 1);

  actor replying(ledgers);
  replying.call("wait"_erl);
  replying.cast("release"_erl);
  replying.call("{add, 1}"_erl);
  replying.advance(10s);
  CHECK(replying.did.complaints.empty());
}

TEST_CASE("a call that a state machine leaves without a reply is told with what its transition lacks") {
  const plugin brokers = fixture("broker");
  actor one(brokers, {.actor = "machine"});
  one.serve("market", [](const value&) { return silence(); });
  one.call("{quote, <<\"tea\">>}"_erl);
  one.advance(4s);
  CHECK(one.did.complaints.empty());
  one.advance(1s);
  CHECK(
      one.did.complaints ==
      lines{
          "its handle_call has left {quote,<<\"tea\">>} without a reply for 5 s: add .reply(from, …) to the "
          "transition, or keep a copy of `from` and reply by it"});
}

TEST_CASE("a callback that only computes may not call out, and has failed if it does") {
  const plugin rude = fixture("rude");
  const auto told = [](const actor& one, const std::string& callback, const std::string& advice) {
    CHECK(one.did.sent.empty());
    CHECK(one.did.complaints ==
          lines{"its " + callback + " called coppice.actor/1's send, which is " + advice});
  };
  const std::string later = "allowed only after the switch: use after_restore";
  actor created(rude, {.args = "create"_erl});
  CHECK(created.status() == COPPICE_E_CONTEXT);
  told(created, "create",
       "not allowed before init: use init, and after_restore for a state that is restored");
  CHECK(created.reason() ==
        value(std::pair(coppice::etf::atom{"bad_context"}, created.did.complaints.at(0))));
  actor saved(rude, {.args = "save_state"_erl});
  CHECK(saved.save().status == COPPICE_E_CONTEXT);
  CHECK(saved.alive());
  told(saved, "save_state", later);
  actor restored = actor::restored(rude, actor(rude).save(), {.args = "restore_state"_erl});
  CHECK(restored.status() == COPPICE_E_CONTEXT);
  CHECK_FALSE(restored.alive());
  told(restored, "restore_state", later);
  actor shown(rude, {.args = "format_status"_erl});
  CHECK(shown.format_status() == "[]"_erl);
  told(shown, "format_status", "not allowed while a state is shown");
}

TEST_CASE("each host call that is not for callbacks which only compute is told by its name") {
  const plugin intruders = fixture("intruder");
  const auto messages_before = live_messages();
  actor one(intruders);
  const auto tried = one.format_status().as<std::vector<std::pair<std::string, std::int32_t>>>();
  CHECK(tried.size() == 32);
  REQUIRE(one.did.complaints.size() == tried.size());
  for (std::size_t i = 0; i < tried.size(); ++i) {
    const std::string& function = tried[i].first;
    CAPTURE(function);
    CHECK(tried[i].second == COPPICE_E_CONTEXT);
    CHECK(one.did.complaints[i] ==
          "its format_status called " + function + ", which is not allowed while a state is shown");
  }
  CHECK(one.did.label.empty());
  CHECK(live_messages() == messages_before);
}

TEST_CASE("a host call beside its actor's callback is told") {
  const plugin intruders = fixture("intruder");
  take_complaints();
  {
    actor one(intruders);
    const lines beside{
        "coppice.actor/1's set_label was called while handle_call runs, but not on its thread and stack"};
    CHECK(one.call("on_thread"_erl) == COPPICE_E_CONTEXT);
    CHECK(std::exchange(one.did.complaints, {}) == beside);
    CHECK(one.call("in_blocking"_erl) == COPPICE_E_CONTEXT);
    CHECK(std::exchange(one.did.complaints, {}) == beside);
    CHECK(take_complaints().empty());
  }
  // The destructor makes a call, too.
  CHECK(take_complaints() == lines{"coppice.actor/1's set_label was called outside of callbacks"});
}

TEST_CASE("a host call with another actor's self is told") {
  const plugin rude = fixture("rude");
  actor one(rude);
  one.send("keep_self"_erl);
  actor other(rude);
  other.send("use_kept"_erl);
  CHECK(other.did.complaints ==
        lines{"its handle_info called coppice.actor/1's set_label with another actor's self"});
  CHECK(text(other.reason()) == "bad_context");
  CHECK(one.did.complaints.empty());
}

TEST_CASE("a host call with the self of an actor that is gone is told") {
  const plugin intruders = fixture("intruder");
  auto gone = std::make_unique<actor>(intruders);
  gone->call("keep_self"_erl);
  gone.reset();
  take_complaints();
  actor other(intruders);
  CHECK(other.call("use_kept"_erl) == COPPICE_E_CONTEXT);
  CHECK(take_complaints() ==
        lines{"coppice.actor/1's set_label was called with the self of an actor that is gone"});
}

TEST_CASE("options that are smaller than their …_LEAST are invalid") {
  const plugin intruders = fixture("intruder");
  actor one(intruders);
  CHECK(one.call("small_options"_erl) == std::vector<std::int32_t>(4, COPPICE_E_INVALID));
  CHECK(one.did.children.empty());
}
