// SPDX-License-Identifier: MIT
// Tests of what the C++ headers promise a plugin's author beyond the C headers: constructors that know their
// actor, calls that are refused where they are not allowed, options, and a host that lacks an interface.
#include <coppice/draft/metric.h>
#include <coppice/draft/order.h>
#include <coppice/draft/post.h>
#include <doctest/doctest.h>
#include <coppice/pool.hpp>
#include <coppice/saga.hpp>
#include <coppice/server.hpp>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

namespace {

plugin bundled(const std::string& name, const coppice_host& host = *detail::host_table()) {
  return plugin::load(std::string(PLUGIN_FOLDER) + "/" + name + ".so", host);
}

std::string no_place(const std::string& callback) {
  return "{bad_context,<<\"its " + callback + " called coppice.actor/1's send, which is ";
}

value failing_in(const char* where) {
  return erl("#{fails => " + std::string(where) + "}");
}

// Makes the functions of a host without the drafts, and of a host without timers.
const void* no_draft(const coppice_host*, const char* name) {
  const coppice_host& whole = *detail::host_table();
  return std::string_view(name).find("/draft-") == std::string_view::npos ? whole.get_interface(&whole, name)
                                                                          : nullptr;
}
const void* no_timer(const coppice_host*, const char* name) {
  const coppice_host& whole = *detail::host_table();
  return std::string_view(name) == COPPICE_TIMER_1 ? nullptr : whole.get_interface(&whole, name);
}
coppice_host host_that(decltype(coppice_host::get_interface) gets) {
  coppice_host made = *detail::host_table();
  made.get_interface = gets;
  return made;
}

// The names of the interfaces that a plugin has asked for.
std::vector<std::string> asked;
const void* listening(const coppice_host*, const char* name) {
  const coppice_host& whole = *detail::host_table();
  asked.emplace_back(name);
  return whole.get_interface(&whole, name);
}
bool has_asked(std::string_view name) {
  return std::ranges::find(asked, name) != asked.end();
}

class plain_class : public coppice::server {
 public:
  bool handle_call(const coppice::etf::constant<"any">&) { return true; }
};
class constructed : public coppice::server {
 public:
  constructed() { log(COPPICE_LOG_INFO, "made"); }
};
class with_member : public coppice::server {
  [[maybe_unused]] int held_ = 0;
};
class with_state : public coppice::server {
 public:
  int save_state() const { return 0; }
};
class nested : public plain_class {};

template <class T>
constexpr bool has_create = coppice::detail::lifecycle_table<T>::callbacks.create != nullptr;

} // namespace

TEST_CASE("a constructor and member initialisers see whose state they make") {
  const plugin masons = fixture("mason");
  const value args = "#{stone => grey}"_erl;
  const value env = "#{yard => north}"_erl;
  actor one(masons, {.args = args, .env = env, .among = neighbours("quarry@localhost")});
  const value expected = std::vector{one.pid().term(), one.parent().term(), args.term(), env.term(),
                                     value("'quarry@localhost'"_erl).term()};
  CHECK(one.call("seen"_erl) == expected);
  CHECK(one.did.logs.at(0).text == "made");
  CHECK(one.did.complaints.empty());

  actor other(masons);
  CHECK(other.call("seen"_erl).reply() != expected);
  CHECK(one.call("seen"_erl) == expected);
}

TEST_CASE("a counter that is a member counts, also of an actor that was restored") {
  const plugin masons = fixture("mason");
  const auto before = metric("masons");
  actor one(masons);
  actor next = actor::restored(masons, one.save());
  CHECK(metric("masons") == before + 2);
}

TEST_CASE("a host call that has no place in a constructor or a restore_state says what to do instead") {
  const plugin masons = fixture("mason");
  actor made(masons, {.args = failing_in("constructor")});
  CHECK(made.status() == COPPICE_E_CONTEXT);
  CHECK(text(made.reason()).starts_with(no_place("create")));
  CHECK(made.did.sent.empty());

  actor one(masons);
  actor next = actor::restored(masons, one.save(), {.args = failing_in("restore_state")});
  CHECK(next.status() == COPPICE_E_CONTEXT);
  CHECK(text(next.reason()).starts_with(no_place("restore_state")));
  CHECK(next.did.sent.empty());
}

TEST_CASE("a host call that has no place in save_state or format_status fails that, and the actor goes on") {
  const plugin masons = fixture("mason");
  actor saving(masons, {.args = failing_in("save_state")});
  CHECK(saving.save().status == COPPICE_E_CONTEXT);
  CHECK(saving.did.sent.size() == 1); // sent by init
  CHECK(saving.call("seen"_erl));
  actor showing(masons, {.args = failing_in("format_status")});
  CHECK(showing.format_status() == "opaque"_erl);
  CHECK(showing.did.sent.size() == 1);
  CHECK(showing.call("seen"_erl));
}

TEST_CASE("after_restore may do what restore_state may not") {
  const plugin masons = fixture("mason");
  actor one(masons);
  CHECK(one.did.sent.at(0).term == "begun"_erl);
  actor next = actor::restored(masons, one.save());
  REQUIRE(next.did.sent.size() == 1);
  CHECK(next.did.sent[0].term == "moved"_erl);
}

TEST_CASE("a saved state that does not fit is refused with what was expected and found") {
  const plugin masons = fixture("mason");
  saved_state saved = actor(masons).save();
  saved.version = 1;
  saved.term = "{1, stone, 3}"_erl;
  actor next = actor::restored(masons, saved);
  CHECK(next.status() == COPPICE_E_VERSION);
  CHECK(text(next.reason()).starts_with("{bad_version,<<\"state of version 1: expected "));
  saved.term = "{one, <<\"stone\">>}"_erl;
  actor again = actor::restored(masons, saved);
  CHECK(text(again.reason()).find("got atom one") != std::string::npos);
}

TEST_CASE("a spawn with a monitor gives the pid and the reference") {
  const plugin masons = fixture("mason");
  actor one(masons);
  const value made = one.call("{hire, #{}}"_erl).reply();
  const auto [status, pid, reference] = made.as<std::tuple<std::int32_t, coppice::term, coppice::term>>();
  CHECK(status == COPPICE_OK);
  REQUIRE(one.did.children.size() == 1);
  CHECK(one.did.children[0].monitored);
  CHECK_FALSE(one.did.children[0].linked);
  CHECK(value(pid) == one.did.children[0].pid);
  REQUIRE(one.monitors().size() == 1);
  CHECK(value(reference) == one.monitors().begin()->first);
}

TEST_CASE("flags are joined, and a monitor's options arrive as they were given") {
  const plugin masons = fixture("mason");
  actor one(masons);
  one.call("{knock, door}"_erl);
  CHECK(one.did.sent.back().flags == (COPPICE_PRIORITY | COPPICE_NO_WAIT));
  one.call("{watch, door}"_erl);
  REQUIRE(one.monitors().size() == 1);
  const monitored& made = one.monitors().begin()->second;
  CHECK(made.flags == COPPICE_NO_CONNECT);
  CHECK(made.alias == COPPICE_ALIAS_REPLY);
  CHECK(made.tag == "{gone, 7}"_erl);
}

TEST_CASE("a timer that repeats fires first after one period, and none is started with a period of nothing") {
  const plugin masons = fixture("mason");
  actor one(masons);
  one.call("{tap, 20, <<\"ear\">>}"_erl);
  REQUIRE(one.timers().size() == 2);
  for (const timer& each : one.timers()) {
    CHECK(each.due - one.now() == 20ms);
    CHECK(each.period == 20ms);
  }
  CHECK(one.timers()[0].to == "ear"_erl);
  CHECK_FALSE(one.timers()[1].to);
  CHECK(one.call("{tap, 0, <<\"ear\">>}"_erl) == "{0, 0}"_erl);
  CHECK(one.timers().size() == 2);
}

TEST_CASE("a plugin does not start on a host that lacks an interface, which it names") {
  const coppice_host host = host_that(&no_timer);
  CHECK_THROWS_WITH(bundled("relay", host),
                    "init of plugin relay failed: this host lacks coppice.timer/1, which C++ plugins need");
}

TEST_CASE("a draft is asked for by who uses it, and where it is first used") {
  const coppice_host host = host_that(&listening);
  const plugin tables = bundled("kv", host);
  CHECK_FALSE(has_asked(COPPICE_METRIC_DRAFT_1));
  actor one(tables);
  CHECK(has_asked(COPPICE_METRIC_DRAFT_1));
  one.call("{put, k, 1}"_erl);
  CHECK_FALSE(has_asked(COPPICE_ORDER_DRAFT_1));
  one.call("{put, [k], 1}"_erl);
  CHECK(has_asked(COPPICE_ORDER_DRAFT_1));
  CHECK_FALSE(has_asked(COPPICE_POST_DRAFT_1));
}

TEST_CASE("without drafts metrics count nowhere, and what cannot do without one says which") {
  const coppice_host host = host_that(&no_draft);
  const plugin tables = bundled("kv", host);
  const auto puts = [] { return metric("operations", {{"operation", "put"}}); };
  const auto before = puts();
  actor one(tables);
  CHECK(one.call("{put, k, 1}"_erl) == "ok"_erl);
  CHECK(puts() == before);
  one.call("{put, [k], 1}"_erl);
  CHECK(text(one.reason())
            .starts_with("{exception,'std::runtime_error',<<\"this host lacks coppice.order/draft-1"));

  const plugin heralds = plugin::load(std::string(FIXTURE_FOLDER) + "/herald.so", host);
  actor other(heralds);
  other.call("{announce, 1}"_erl);
  CHECK(text(other.reason())
            .starts_with("{exception,'std::runtime_error',<<\"this host lacks coppice.post/draft-1"));
}

TEST_CASE("a reason, a result or an answer without an encoding is an error, and not a missing one") {
  const coppice::owned_term none;
  CHECK_THROWS_WITH_AS(coppice::outcome::stop(none), "the exit reason has no encoding",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(coppice::done(none), "the result has no encoding", std::invalid_argument);
  CHECK_THROWS_WITH_AS(coppice::next_step("accounts", none), "the value of a step has no encoding",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(coppice::overload::answer(none), "the answer has no encoding", std::invalid_argument);
  CHECK(coppice::outcome::stop().reason.empty());
  CHECK(coppice::done().value().empty());

  // In an actor: the term of an answer that did not come is no reason to end with `normal`.
  const plugin askers = fixture("asker");
  actor one(askers);
  one.call("{leave_with_answer_of, oracle}"_erl);
  CHECK(text(one.reason()) == "{exception,'std::invalid_argument',<<\"the exit reason has no encoding\">>}");
}

TEST_CASE("a class has no state if it has no members, no constructor of its own and none to save") {
  CHECK_FALSE(has_create<plain_class>);
  CHECK_FALSE(has_create<nested>);
  CHECK(has_create<constructed>);
  CHECK(has_create<with_member>);
  CHECK(has_create<with_state>);
}
