// SPDX-License-Identifier: MIT
// Tests of coppice/testing.hpp itself: what a plugin does under it is what a node would see, and the kit
// reports what a node would refuse.
#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

namespace {

// An interface of this minor with more members at its end, which no present plugin knows.
template <class Api>
const void* longer(const void* known) {
  static struct {
    Api api;
    void* more[4];
  } table{*static_cast<const Api*>(known), {}};
  table.api.size = sizeof table;
  return &table;
}
const void* later_interface(const coppice_host*, const char* name) {
  const coppice_host& now = *detail::host_table();
  const void* const known = now.get_interface(&now, name);
  const std::string_view wanted = name;
  if (wanted == COPPICE_MESSAGE_1) return longer<coppice_message_api>(known);
  if (wanted == COPPICE_ACTOR_1) return longer<coppice_actor_api>(known);
  if (wanted == COPPICE_CALL_1) return longer<coppice_call_api>(known);
  return known;
}
const void* no_interface(const coppice_host*, const char*) {
  return nullptr;
}

} // namespace

TEST_CASE("a plugin of today runs on a host of a later minor, and says so when a host lacks what it needs") {
  coppice_host later = *detail::host_table();
  later.size += 64;
  later.abi_minor = 99;
  later.get_interface = &later_interface;
  const std::string folder = PLUGIN_FOLDER;
  const plugin greeters = plugin::load(folder + "/greeter.so", later);
  CHECK(actor(greeters).call("{hello, you}"_erl) == "{ok, <<\"hello, you\">>}"_erl);
  const plugin tables = plugin::load(folder + "/kv.so", later);
  CHECK(actor(tables).call("{put, k, v}"_erl) == "ok"_erl);

  coppice_host empty = *detail::host_table();
  empty.get_interface = &no_interface;
  CHECK_THROWS_WITH(plugin::load(folder + "/relay.so", empty),
                    "init of plugin relay failed: this host lacks coppice.message/1, which C++ plugins need");
  CHECK_THROWS_WITH(plugin::load(folder + "/greeter.so", empty), "init of plugin greeter failed: notsup");
}

TEST_CASE("a start shows what init came to, and its continuation has run") {
  const plugin clerks = fixture("clerk");
  actor one(clerks, {.args = "#{greeting => <<\"hello\">>}"_erl});
  CHECK(one.status() == COPPICE_CONTINUE);
  CHECK(one.alive());
  CHECK(one.did.logs.at(0).text == "open");
  CHECK(one.call("greeting"_erl) == std::string("hello"));
  actor idle(clerks, {.args = "#{ignore => true}"_erl});
  CHECK(idle.status() == COPPICE_IGNORE);
  CHECK_FALSE(idle.alive());
  actor wrong(clerks, {.args = "#{greeting => 1}"_erl});
  CHECK(wrong.status() == COPPICE_E_INVALID);
  CHECK(text(wrong.reason()).starts_with("{badarg,<<\"args: "));
}

TEST_CASE("requests are answered by those the test serves, at once, later, or never") {
  const plugin clerks = fixture("clerk");
  actor one(clerks);
  one.serve("oracle", [](const value& question) { return replies(question); });
  one.serve("tomb", [](const value&) { return silence(); });
  one.serve("far@away", [](const value&) { return nodedown(); });
  const auto told = [&one] {
    const auto last = one.did.sent.back();
    CHECK(last.to == "audience"_erl);
    return last.term;
  };
  const auto id = one.call("{ask, <<\"oracle\">>, {deep, question}}"_erl).as<std::int64_t>();
  CHECK(one.did.calls.back().request == "{deep, question}"_erl);
  CHECK(one.did.calls.back().patience == 2s);
  CHECK(told() == erl("{" + std::to_string(id) + ", 7, 0, {deep, question}}"));
  one.call("{ask, <<\"nobody\">>, x}"_erl);
  CHECK(text(told()).ends_with(",7,-6,ok}"));

  const auto sent = one.did.sent.size();
  const auto open = one.call("{ask, <<\"tomb\">>, x}"_erl).as<std::uint64_t>();
  one.advance(1s);
  CHECK(one.did.sent.size() == sent);
  one.respond(open, exits("gone"_erl));
  CHECK(text(told()).ends_with(",7,-8,ok}"));
  one.call("{ask, <<\"tomb\">>, x}"_erl);
  one.advance(2s);
  CHECK(text(told()).ends_with(",7,-5,ok}"));
  CHECK_THROWS_AS(one.respond(999, replies("ok"_erl)), failure);
}

TEST_CASE("those whom an actor asks while it starts are served before it does") {
  const plugin envoys = fixture("envoy");
  neighbours others("here@there");
  const value registrar = others.serve("registrar", [](const value& asked) {
    CHECK(asked == "word"_erl);
    return replies("ok"_erl);
  });
  actor one(envoys, {.name = "envoy", .among = others});
  CHECK(one.call("word"_erl) == std::string("given"));
  CHECK(one.call("{send, {envoy, here@there}, here, 0}"_erl) == COPPICE_OK);
  CHECK(one.call("heard"_erl) == "[here]"_erl);
  CHECK(one.call(std::tuple(coppice::etf::atom{"link"}, registrar.term(), 0)) == COPPICE_OK);
  actor alone(envoys);
  CHECK(alone.call("word"_erl) == std::string("noproc"));
}

TEST_CASE("children are recorded, and refused when the test says so") {
  const plugin clerks = fixture("clerk");
  actor one(clerks);
  CHECK(one.call("{hire, <<\"junior\">>}"_erl) == "ok"_erl);
  REQUIRE(one.did.children.size() == 1);
  CHECK(one.did.children[0].actor == "clerk:clerk");
  CHECK(one.did.children[0].name == "junior");
  CHECK(one.did.children[0].args == "#{greeting => <<\"hi\">>}"_erl);
  CHECK(one.did.children[0].linked);
  CHECK(one.links().contains(one.did.children[0].pid));
  one.refuse_children([](const child&) { return "no_budget"_erl; });
  CHECK(one.call("{hire, <<\"senior\">>}"_erl) == "no_budget"_erl);

  const plugin envoys = fixture("envoy");
  actor other(envoys);
  const value reference = other.call("spawn"_erl).reply();
  CHECK(other.monitors().at(reference).whom == other.did.children.at(0).pid);
  other.down(other.did.children[0].pid, "gone"_erl);
  CHECK(text(other.call("heard"_erl).reply()).starts_with("[{'DOWN'," + text(reference)));
}

TEST_CASE("monitors end with a DOWN, exits follow Erlang's rules") {
  const plugin clerks = fixture("clerk");
  actor one(clerks);
  const value reference = one.call("{watch, <<\"db\">>}"_erl).reply();
  one.down("db"_erl, "crashed"_erl);
  CHECK(one.call("heard"_erl).reply() == erl("[{'DOWN', " + text(reference) + ", process, db, crashed}]"));
  CHECK_THROWS_AS(one.down("db"_erl, "again"_erl), failure);

  const value stranger = "#Pid<'x@y'.1.2.3>"_erl;
  one.exit(stranger, "normal"_erl);
  CHECK(one.alive());
  CHECK(one.call("{trap, true}"_erl) == false);
  one.exit(stranger, "boom"_erl);
  CHECK(text(one.call("heard"_erl).reply()).ends_with(",{'EXIT'," + text(stranger) + ",boom}]"));
  one.shut_down();
  CHECK(one.reason() == "shutdown"_erl);
  CHECK(one.did.sent.back().term == "{closed, shutdown}"_erl);

  actor other(clerks);
  other.exit(stranger, "boom"_erl);
  CHECK(other.reason() == "boom"_erl);
  CHECK(other.did.sent.empty()); // without trap_exit, terminate does not run
  actor third(clerks);
  third.exit(stranger, "kill"_erl);
  CHECK(third.reason() == "killed"_erl);
}

TEST_CASE("every way to end gives the reason a node would give") {
  const plugin clerks = fixture("clerk");
  const auto ends = [&clerks](const value& request) {
    actor one(clerks);
    CHECK_FALSE(one.call(request));
    CHECK_FALSE(one.alive());
    CHECK_FALSE(one.call("greeting"_erl));
    return text(one.reason());
  };
  CHECK(ends("{stop, {all, done}}"_erl) == "{all,done}");
  CHECK(ends("throw"_erl) == "{exception,'std::runtime_error',<<\"as asked\">>}");
  CHECK(ends("{compute, -1}"_erl) == "{exception,'std::domain_error',<<\"negative\">>}");
  CHECK(ends("exit_self"_erl) == "killed");
  CHECK(ends("{what, ever}"_erl) == "{bad_call,{what,ever}}");
  actor one(clerks);
  one.cast("{what, ever}"_erl);
  CHECK(text(one.reason()) == "{bad_cast,{what,ever}}");
}

TEST_CASE("a start that init's status fails ends without terminate, whatever the status is") {
  const plugin askers = fixture("asker");
  for (const std::int32_t status : {COPPICE_STOP, 42, COPPICE_E_NOT_FOUND}) {
    actor one(askers, {.args = std::int64_t{status}});
    CHECK(one.status() == status);
    CHECK_FALSE(one.alive());
    CHECK(one.did.logs.empty());
  }
  actor odd(askers, {.args = std::int64_t{42}});
  CHECK(text(odd.reason()) == "{bad_return_value,42}");
  actor good(askers, {.args = std::int64_t{COPPICE_HIBERNATE}});
  CHECK(good.alive());
}

TEST_CASE("work for the pool that throws gives its context up, and the actor goes on") {
  const plugin askers = fixture("asker");
  actor one(askers);
  CHECK(one.call("throw_beside"_erl) == std::pair(std::int32_t{COPPICE_E_EXCEPTION}, true));
  CHECK(one.alive());
}

TEST_CASE("the clock moves when told or waited for, and timers fire at their own time") {
  const plugin clerks = fixture("clerk");
  actor one(clerks);
  const auto begin = one.now();
  CHECK(one.call("{nap, 1500}"_erl) == 1500);
  CHECK(one.now() - begin == 1500ms);
  one.call("echo_later"_erl);
  REQUIRE(one.timers().size() == 1);
  one.advance(2999ms);
  CHECK(one.call("heard"_erl) == "[]"_erl);
  one.advance(1ms);
  CHECK(one.call("heard"_erl) == "[rings]"_erl);
  CHECK(one.timers().empty());
}

TEST_CASE("names, blocking work, logs and a changed configuration") {
  const plugin clerks = fixture("clerk");
  actor one(clerks, {.name = "first"});
  one.serve("taken", [](const value&) { return replies("ok"_erl); });
  CHECK(one.call("{rename, <<\"second\">>}"_erl) == COPPICE_E_EXISTS); // a process has one name
  actor other(clerks);
  other.serve("taken", [](const value&) { return replies("ok"_erl); });
  CHECK(other.call("{rename, <<\"taken\">>}"_erl) == COPPICE_E_EXISTS);
  CHECK(other.call("{rename, <<\"free\">>}"_erl) == COPPICE_OK);
  CHECK(one.call("{compute, 21}"_erl) == 42);
  one.call("{note, <<\"careful\">>}"_erl);
  CHECK(one.did.logs.back().text == "careful");
  CHECK(one.did.logs.back().level == COPPICE_LOG_WARNING);
  CHECK(one.config_change("#{greeting => <<\"ahoy\">>}"_erl) == COPPICE_OK);
  CHECK(one.call("greeting"_erl) == std::string("ahoy"));
  CHECK(one.config_change("#{}"_erl) == COPPICE_UNHANDLED);
  CHECK(one.alive());
  CHECK(one.save().status == COPPICE_E_UNSUPPORTED);
  CHECK(one.format_status() == "opaque"_erl);
}

TEST_CASE("a configuration that is refused leaves arguments and env as they were") {
  const plugin envoys = fixture("envoy");
  actor one(envoys, {.env = "early"_erl});
  CHECK(one.config_change("no"_erl, "late"_erl) == COPPICE_E_INVALID);
  CHECK(one.alive());
  CHECK(one.call("word"_erl) == std::string("late")); // the env during the refused change
  CHECK(one.config_change("fail"_erl) == COPPICE_OK);
  CHECK(one.call("word"_erl) == std::string("early"));
  CHECK(one.config_change("no"_erl) == COPPICE_E_INVALID);
  CHECK(actor::restored(envoys, one.save()).reason() == "unfit"_erl); // the arguments are still `fail`
}

TEST_CASE("what a thread of the plugin posts arrives, in order, until the actor ends") {
  const plugin heralds = fixture("herald");
  actor one(heralds);
  CHECK(one.call("{announce, 3}"_erl) == "ok"_erl);
  while (one.did.sent.size() < 3) REQUIRE(one.await_post());
  CHECK(one.did.sent[0].term == "{news, 1}"_erl);
  CHECK(one.did.sent[2].term == "{news, 3}"_erl);
  one.call("chatter"_erl);
  CHECK(one.await_post());
  one.shut_down();
  CHECK_FALSE(one.alive()); // the thread gets noproc and ends; else this test would not end
}

TEST_CASE("a plugin that does not load, that a node would refuse or whose init fails is no plugin") {
  const auto trouble = [](auto loads) -> std::string {
    try {
      loads();
    } catch (const failure& thrown) {
      return thrown.what();
    }
    return {};
  };
  CHECK(trouble([] { fixture("init_fails"); }) == "init of plugin rude failed: no licence");
  CHECK(trouble([] { fixture("later_server"); }) ==
        "actor rude: the behaviour server needs the table coppice.server/1, which is missing; this host does "
        "not "
        "know its coppice.server/9: rebuild it with this host's headers");
  CHECK(
      trouble([] { fixture("small_lifecycle"); }) ==
      "actor rude: its table coppice.lifecycle/1 has size 16, below 88: set the size to the struct's sizeof");
  CHECK(trouble([] { fixture("small_descriptor"); }) ==
        "its descriptor has size 16, below 80: set it to sizeof(coppice_descriptor)");
  CHECK(trouble([] { fixture("nowhere"); }).find("No such file") != std::string::npos);
  const plugin rude = fixture("rude");
  CHECK(trouble([&] { actor(rude, {.actor = "polite"}); }) == "plugin rude has no actor polite");
}
