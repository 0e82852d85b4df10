// SPDX-License-Identifier: MIT
// Tests of coppice/testing.hpp for an actor whose code is replaced: its state goes through save_state and
// restore_state, and everything else of its process stays.
#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

TEST_CASE("a state goes from one version to the next, and an old version refuses a newer state") {
  const plugin first = fixture("ledger_1");
  const plugin second = fixture("ledger_2");
  actor old(first);
  CHECK(old.call("{add, 40}"_erl) == 40);
  const answer pending = old.call("wait"_erl);
  CHECK_FALSE(pending);
  CHECK_THROWS_AS(pending.reply(), failure);
  const saved_state saved = old.save();
  CHECK(saved.status == COPPICE_OK);
  CHECK(saved.version == 1);

  actor next = actor::restored(second, saved);
  CHECK(next.status() == COPPICE_OK);
  CHECK(next.call("{add, 2}"_erl) == 42);
  CHECK(next.call("total"_erl) == "{42, 1}"_erl);
  next.cast("release"_erl); // the call that came to the old generation
  CHECK(pending == "released"_erl);

  const saved_state newer = next.save();
  CHECK(newer.version == 2);
  actor back = actor::restored(first, newer);
  CHECK(back.status() == COPPICE_E_VERSION);
  CHECK_FALSE(back.alive());
  actor garbled = actor::restored(second, {COPPICE_OK, 2, "nonsense"_erl});
  CHECK(garbled.status() == COPPICE_E_VERSION);
}

TEST_CASE("after_restore runs before anything else comes, and may do what restore_state may not") {
  const plugin envoys = fixture("envoy");
  actor old(envoys);
  actor next = actor::restored(envoys, old.save());
  CHECK(next.status() == COPPICE_OK);
  CHECK(next.did.complaints.empty());
  CHECK(next.did.sent.at(0).term == "restored"_erl);
  CHECK(next.call("word"_erl) == std::string("noproc and restored"));
}

TEST_CASE("an after_restore that fails is that actor's end, and not the restore's failure") {
  const plugin envoys = fixture("envoy");
  actor old(envoys);
  actor next = actor::restored(envoys, old.save(), {.args = "fail"_erl});
  CHECK(next.status() == COPPICE_OK);
  CHECK_FALSE(next.alive());
  CHECK(next.reason() == "unfit"_erl);
}

TEST_CASE("a replaced actor keeps its pid, name, arguments, links, neighbours and clock") {
  const plugin envoys = fixture("envoy");
  actor old(envoys, {.args = "#{a => 1}"_erl, .name = "first"});
  const value friend_of_it = old.serve("friend", [](const value&) { return replies("ok"_erl); });
  old.call(std::tuple(coppice::etf::atom{"link"}, friend_of_it.term(), COPPICE_PRIORITY));
  old.advance(90s);
  actor next = actor::restored(envoys, old.save());
  CHECK(next.pid() == old.pid());
  CHECK(next.parent() == old.parent());
  CHECK(next.now() == old.now());
  CHECK(next.links() == old.links());
  CHECK(next.call("{send, first, by_name, 0}"_erl) == COPPICE_OK);
  CHECK(next.call("heard"_erl) == "[by_name]"_erl);
  const auto id = next.call("{question, friend}"_erl).as<std::int64_t>();
  CHECK(next.did.sent.back().term == erl("{" + std::to_string(id) + ", 0}"));
  actor renamed = actor::restored(envoys, old.save(), {.name = "second"});
  CHECK(renamed.call("{send, second, by_name, 0}"_erl) == COPPICE_OK);
  CHECK(renamed.call("heard"_erl) == "[by_name]"_erl);
}

TEST_CASE("a replaced actor's timers go on, those that repeat with their period") {
  const plugin envoys = fixture("envoy");
  actor old(envoys);
  const auto repeating = old.call("{every, 2000, tock}"_erl).as<std::int64_t>();
  old.call("{'after', 5000, tick}"_erl);
  old.advance(3s);
  actor next = actor::restored(envoys, old.save());
  REQUIRE(next.timers().size() == 2);
  CHECK(next.timers()[0].period == 2s);
  CHECK(next.call("{'after', 60000, other}"_erl).as<std::int64_t>() > repeating + 1); // no id is used twice
  next.advance(3s);
  CHECK(next.call("heard"_erl) == "[tock, tick, tock]"_erl);
  CHECK(old.call("heard"_erl) == "[tock]"_erl);
  CHECK(next.call(std::pair(coppice::etf::atom{"cancel"}, repeating)) == true);
}

TEST_CASE("a replaced actor's monitors, aliases and open requests are still its own") {
  const plugin envoys = fixture("envoy");
  actor old(envoys);
  const value reference = old.call("{monitor, db, 0, 0, undefined}"_erl).reply();
  const value alias = old.call("{alias, 0}"_erl).reply();
  old.serve("slow", [](const value&) { return silence(); });
  const auto id = old.call("{question, slow}"_erl).as<std::uint64_t>();
  actor next = actor::restored(envoys, old.save());
  next.down("db"_erl, "crashed"_erl);
  CHECK(next.send(alias, "by_alias"_erl));
  CHECK(next.call("heard"_erl) == erl("[{'DOWN', " + text(reference) + ", process, db, crashed}, by_alias]"));
  next.respond(id, exits("gone"_erl));
  CHECK(next.did.sent.back().term == erl("{" + std::to_string(id) + ", -8}"));
}

TEST_CASE("an actor without a state is replaced by one without, and by no other") {
  const plugin greeters = plugin::load(std::string(PLUGIN_FOLDER) + "/greeter.so");
  const plugin envoys = fixture("envoy");
  actor old(greeters);
  const saved_state nothing = old.save();
  CHECK(nothing.status == COPPICE_OK);
  CHECK_FALSE(nothing.term);
  CHECK(actor::restored(greeters, nothing).call("{hello, you}"_erl) == "{ok, <<\"hello, you\">>}"_erl);
  CHECK(actor::restored(envoys, nothing).status() == COPPICE_E_UNSUPPORTED);
  CHECK(actor::restored(greeters, actor(envoys).save()).status() == COPPICE_E_UNSUPPORTED);
  const plugin clerks = fixture("clerk");
  const saved_state none = actor(clerks).save();
  CHECK(none.status == COPPICE_E_UNSUPPORTED);
  CHECK_THROWS_AS(actor::restored(envoys, none), failure);
}

TEST_CASE("the version's number chooses what reads a state, whatever it looks like") {
  const plugin second = fixture("ledger_2");
  // Each of these terms fits the type of the other version: only the version's number chooses the type.
  CHECK(actor::restored(second, {COPPICE_OK, 1, "{7, <<>>}"_erl}).call("total"_erl) == "{7, 0}"_erl);
  CHECK(actor::restored(second, {COPPICE_OK, 2, "{7, 3, <<>>}"_erl}).call("total"_erl) == "{7, 3}"_erl);
  const actor mixed = actor::restored(second, {COPPICE_OK, 2, "{7, <<>>}"_erl});
  CHECK(mixed.status() == COPPICE_E_VERSION);
  CHECK(text(mixed.reason()).find("state of version 2: expected tuple of 3, got tuple of 2") !=
        std::string::npos);
  const actor unknown = actor::restored(second, {COPPICE_OK, 3, "{7, 3, <<>>}"_erl});
  CHECK(unknown.status() == COPPICE_E_VERSION);
  CHECK(text(unknown.reason()).find("it takes 1, 2") != std::string::npos);
}

TEST_CASE("configure serves a start, a restored state and a change of arguments") {
  const plugin tenants = fixture("tenant");
  actor one(tenants, {.args = "#{room => 3, rests => 2000}"_erl});
  CHECK(one.call("where"_erl) == "{3, 2000, <<>>}"_erl);
  CHECK(one.config_change("#{room => 4}"_erl) == COPPICE_OK);
  CHECK(one.call("where"_erl) == "{4, 5, <<>>}"_erl);
  REQUIRE(one.did.sent.size() == 2);
  CHECK(one.did.sent[0].term == "{began, 3}"_erl);
  CHECK(one.did.sent[1].term == "{moved, 4}"_erl);
  actor next = actor::restored(tenants, one.save());
  CHECK(next.call("where"_erl) == "{4, 5, <<\"kept\">>}"_erl);
  CHECK(next.did.sent.empty());
  CHECK(next.did.complaints.empty());
}

TEST_CASE("arguments that configure does not take are refused, and the former ones stay in force") {
  const plugin tenants = fixture("tenant");
  actor one(tenants, {.args = "#{room => 3}"_erl});
  one.did.sent.clear();
  CHECK(one.config_change("#{room => -1}"_erl) == COPPICE_E_EXCEPTION);
  CHECK(one.config_change("#{room => here}"_erl) == COPPICE_E_INVALID);
  CHECK(one.call("where"_erl) == "{3, 5, <<>>}"_erl);
  CHECK(one.did.sent.empty());
  CHECK(one.config_change("#{room => 13}"_erl) == COPPICE_UNHANDLED); // a node would restart the actor
  const actor without(tenants);
  CHECK(without.status() == COPPICE_E_INVALID);
  CHECK(text(without.reason()).find("args: settings.room: expected integer, got nothing") !=
        std::string::npos);
  CHECK(actor::restored(tenants, one.save(), {.args = "#{room => -1}"_erl}).status() == COPPICE_E_EXCEPTION);
}

TEST_CASE("what terminate throws is a complaint, and changes nothing about the end") {
  const plugin tenants = fixture("tenant");
  actor one(tenants, {.args = "#{room => 13}"_erl});
  one.send("leave"_erl);
  CHECK(one.reason() == "normal"_erl);
  REQUIRE(one.did.complaints.size() == 1);
  CHECK(one.did.complaints[0].starts_with("its terminate failed: {exception,'std::runtime_error',"));
  actor other(tenants, {.args = "#{room => 3}"_erl});
  other.send("leave"_erl);
  CHECK(other.reason() == "normal"_erl);
  CHECK(other.did.complaints.empty());
}

TEST_CASE("a struct without a form of its own is a map where an actor is given it as arguments") {
  const plugin tenants = fixture("tenant");
  actor one(tenants, {.args = "#{room => 3}"_erl});
  one.call("{hire, 7}"_erl);
  REQUIRE(one.did.children.size() == 1);
  CHECK(one.did.children[0].args == "#{room => 7}"_erl);
}
