// SPDX-License-Identifier: MIT
// Tests of a plugin's state machine whose callbacks are written here: the arguments of callbacks, the effect
// of each status, which host calls are allowed in which callback, responses, and what a reload keeps.
#include "host/actors/statem.hpp"

#include <chrono>
#include <functional>
#include <thread>

#include "behaviours/gen/shown_state.hpp"

#include "held_clock.hpp"
#include "host/boundary/statem_totals.hpp"
#include "runtime/freezing/freezer.hpp"
#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;
using runtime::destination;

namespace {

const coppice_statem_api& machines = *host::statem::host_interface();

struct machine_script {
  std::function<std::int32_t(coppice_actor*)> init;
  std::function<std::int32_t(coppice_actor*, const coppice_statem_event*)> event;
  std::function<std::int32_t(coppice_actor*, const coppice_statem_event*)> enter;
};
machine_script acts;

std::string shown(coppice_bytes term) {
  return term.size == 0 ? "-"
                        : text(runtime::message::copy_of({term.data, static_cast<std::size_t>(term.size)}));
}

coppice_lifecycle machine_lifecycle(std::int64_t saves) {
  coppice_lifecycle table = full_lifecycle;
  table.handle_continue = nullptr;
  table.init = [](coppice_actor* self, void*, const coppice_message*) {
    return acts.init ? acts.init(self) : machines.next_state_atom(self, "a");
  };
  if (saves == 2)
    table.save_state = [](coppice_actor*, void*, std::uint32_t*, coppice_writer* out) {
      coppice_write_integer(out, 2);
      return COPPICE_OK;
    };
  return table;
}
const coppice_lifecycle lifecycle_of_one = machine_lifecycle(1);
const coppice_lifecycle lifecycle_of_two = machine_lifecycle(2);
const coppice_statem machine_table = [] {
  coppice_statem table{};
  table.size = sizeof table;
  table.handle_event = [](coppice_actor* self, void*, const coppice_statem_event* event) {
    return acts.event(self, event);
  };
  return table;
}();
const coppice_statem entering_table = [] {
  coppice_statem table = machine_table;
  table.enter = [](coppice_actor* self, void*, const coppice_statem_event* event) {
    return acts.enter(self, event);
  };
  return table;
}();
const coppice_table machine_tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle_of_one}, {COPPICE_STATEM_DRAFT_2, &machine_table}, {nullptr, nullptr}};
const coppice_table entering_tables[] = {
    {COPPICE_LIFECYCLE_1, &lifecycle_of_two}, {COPPICE_STATEM_DRAFT_2, &entering_table}, {nullptr, nullptr}};
const coppice_actor_type machine_type = {
    sizeof(coppice_actor_type), 0, "scripted", "statem", machine_tables, nullptr};
const coppice_actor_type entering_type = {
    sizeof(coppice_actor_type), 0, "scripted", "statem", entering_tables, nullptr};

coppice_statem_timeout timeout_of(std::uint32_t type, std::int64_t time) {
  coppice_statem_timeout out{};
  out.size = sizeof out;
  out.type = type;
  out.time = time;
  return out;
}

// Sends `message` to the machine, and returns its exit reason.
std::string end_by(stage& set, std::string_view message) {
  const auto pid = *set.host.system.whereis("scripted");
  return set.host.run([&](runtime::process& self) {
    const auto ref = self.monitor(pid, true);
    self.send(pid, term(message));
    const auto answer = self.await(ref, base::mono_now() + 10 * base::nanos_per_second);
    return answer ? std::string("?") : text(answer.error().reason);
  });
}

bool is_atom(coppice_bytes term, std::string_view name) {
  return etf::cursor({term.data, static_cast<std::size_t>(term.size)}).read_atom_is(name);
}

} // namespace

TEST_CASE("an event comes with all there is to it") {
  stage set;
  acts = {};
  acts.event = [](coppice_actor* self, const coppice_statem_event* e) {
    CHECK(e->size == sizeof(coppice_statem_event));
    note(std::to_string(e->type) + " " + shown(e->state) + " " + shown(e->old_state) + " " + shown(e->name) +
         " " + (e->from.size == 0 ? "-" : "from") + " " + test::shown(&e->content));
    if (e->type != COPPICE_STATEM_EVENT_INFO) return COPPICE_OK;
    for (const std::uint32_t type :
         {COPPICE_STATEM_EVENT_STATE_TIMEOUT, COPPICE_STATEM_EVENT_NAMED_TIMEOUT}) {
      const auto name = term("{n, 1}");
      auto timeout = timeout_of(type, 0);
      timeout.name = {name.bytes().data(), name.size()};
      literal content("late");
      CHECK(machines.set_timeout(self, &timeout, &content.raw) == COPPICE_OK);
    }
    literal inserted("inserted");
    CHECK(machines.next_event(self, COPPICE_STATEM_EVENT_INTERNAL, {}, &inserted.raw) == COPPICE_OK);
    return COPPICE_OK;
  };
  acts.enter = [](coppice_actor*, const coppice_statem_event* e) {
    CHECK(e->type == 0);
    return note("enter " + shown(e->old_state) + " " + shown(e->state));
  };
  REQUIRE(set.start(entering_type) == "ok");
  set.send("{'$gen_cast', quiet}");
  set.send("plain");
  CHECK(set.lines(6) == strings{"enter a a", "2 a - - - quiet", "3 a - - - plain", "4 a - - - inserted",
                                "6 a - - - late", "7 a - {n,1} - late"});
}

TEST_CASE("a call is answered with the transition, and at once by the call interface") {
  stage set;
  acts = {};
  acts.event = [](coppice_actor* self, const coppice_statem_event* e) {
    if (e->content.data[0] == 119) return answer(self, e->from, "now"), COPPICE_OK;
    literal reply("with_it");
    CHECK(machines.reply(self, e->from, &reply.raw) == COPPICE_OK);
    return machines.next_state_atom(self, "b");
  };
  REQUIRE(set.start(machine_type) == "ok");
  CHECK(set.call("atom") == "now");
  CHECK(set.call("{tuple}") == "with_it");
  CHECK(set.host.system_request(destination::named("scripted"), "get_state") == "{ok,{b,42}}");
}

TEST_CASE("the transition's calls are for callbacks that make one") {
  stage set;
  acts = {};
  coppice_actor* kept = nullptr;
  acts.event = [&](coppice_actor* self, const coppice_statem_event*) {
    kept = self;
    literal broken("x");
    broken.raw.size = 0;
    CHECK(machines.next_state(self, &broken.raw) == COPPICE_E_TERM);
    CHECK(machines.next_state_atom(self, nullptr) == COPPICE_E_INVALID);
    literal content("x");
    CHECK(machines.next_event(self, COPPICE_STATEM_EVENT_CALL, {}, &content.raw) == COPPICE_E_INVALID);
    auto nameless = timeout_of(COPPICE_STATEM_EVENT_NAMED_TIMEOUT, 5);
    literal again("x");
    CHECK(machines.set_timeout(self, &nameless, &again.raw) == COPPICE_E_INVALID);
    nameless.size = 8;
    literal third("x");
    CHECK(machines.set_timeout(self, &nameless, &third.raw) == COPPICE_E_INVALID);
    literal reply("x");
    CHECK(machines.reply(self, {}, &reply.raw) == COPPICE_E_INVALID);
    return note("seen");
  };
  REQUIRE(set.start(machine_type) == "ok");
  set.send("go");
  CHECK(set.lines(1) == strings{"seen"});
  CHECK(machines.postpone(kept) == COPPICE_E_CONTEXT); // called on another thread
  CHECK(machines.postpone(nullptr) == COPPICE_E_INVALID);
}

TEST_CASE("a server makes no transition") {
  stage other;
  play.info = [](coppice_actor* self, const coppice_message*) {
    return note(std::to_string(machines.postpone(self)));
  };
  REQUIRE(other.start() == "ok");
  other.send("go");
  CHECK(other.lines(2)[1] == std::to_string(COPPICE_E_CONTEXT));
}

TEST_CASE("a start needs a state, and what init says must be good") {
  struct row {
    std::function<std::int32_t(coppice_actor*)> init;
    const char* heard;
  };
  const row rows[] = {
      {[](coppice_actor*) { return COPPICE_OK; }, "{error,{bad_return_from_init,ok}}"},
      {[](coppice_actor* self) {
         machines.next_state_atom(self, "a");
         auto timeout = timeout_of(COPPICE_STATEM_EVENT_STATE_TIMEOUT, -1);
         literal content("x");
         return machines.set_timeout(self, &timeout, &content.raw);
       },
       "{error,{bad_action_from_state_function,{state_timeout,-1,x}}}"},
      {[](coppice_actor*) { return COPPICE_E_NOT_FOUND; }, "{error,not_found}"},
      {[](coppice_actor*) { return COPPICE_IGNORE; }, "ignore"},
  };
  for (const row& each : rows) {
    stage set;
    acts = {};
    acts.init = each.init;
    CHECK(set.start(machine_type) == each.heard);
  }
}

TEST_CASE("a status that ends it: stop sends the replies, an error sends nothing") {
  for (const bool stops : {true, false}) {
    stage set;
    acts = {};
    acts.event = [&](coppice_actor* self, const coppice_statem_event* e) {
      literal reply("bye");
      machines.reply(self, e->from, &reply.raw);
      return stops ? COPPICE_STOP : COPPICE_E_NOT_FOUND;
    };
    REQUIRE(set.start(machine_type) == "ok");
    CHECK(set.call("x") == (stops ? "bye" : "!exit not_found"));
  }
}

TEST_CASE("what it does not take is as with servers, and its transition is none") {
  struct row {
    runtime::unhandled choice;
    const char* answer;
  };
  const row rows[] = {{runtime::unhandled::exit, "!exit {bad_call,x}"},
                      {runtime::unhandled::reply_error,
                       "{error,{bad_request,<<\"the state machine takes no such request\">>}}"}};
  for (const row& each : rows) {
    stage set;
    acts = {};
    acts.event = [](coppice_actor* self, const coppice_statem_event*) {
      machines.next_state_atom(self, "b");
      return COPPICE_UNHANDLED;
    };
    auto plan = set.plan(machine_type);
    plan.unhandled = each.choice;
    REQUIRE(set.start(std::move(plan)) == "ok");
    set.send("a_message");
    CHECK(set.host.system_request(destination::named("scripted"), "get_state") == "{ok,{a,42}}");
    CHECK(set.call("x") == each.answer);
  }
  stage set;
  acts = {};
  acts.event = [](coppice_actor*, const coppice_statem_event*) { return COPPICE_UNHANDLED; };
  REQUIRE(set.start(machine_type) == "ok");
  CHECK(set.host.call_of_client(destination::named("scripted"), "x") == rows[1].answer);
  CHECK(end_by(set, "{'$gen_cast', y}") == "{bad_cast,y}");
}

TEST_CASE("as many events are postponed as its configuration allows") {
  stage set;
  acts = {};
  acts.event = [](coppice_actor* self, const coppice_statem_event*) { return machines.postpone(self); };
  auto plan = set.plan(machine_type);
  plan.postponed = {1, runtime::postponed_bound::overflow::exit};
  REQUIRE(set.start(std::move(plan)) == "ok");
  set.send("first");
  CHECK(end_by(set, "second") == "postponed_full");
}

TEST_CASE("people are shown its state, what it postponed and its time-outs; what it dropped is counted") {
  stage set;
  acts = {};
  acts.event = [](coppice_actor* self, const coppice_statem_event* e) {
    if (shown(e->state) != "a") return machines.postpone(self);
    auto timeout = timeout_of(COPPICE_STATEM_EVENT_STATE_TIMEOUT, 90 * base::nanos_per_second);
    literal content("late");
    CHECK(machines.set_timeout(self, &timeout, &content.raw) == COPPICE_OK);
    return machines.next_state_atom(self, "b");
  };
  auto plan = set.plan(machine_type);
  plan.postponed = {1, runtime::postponed_bound::overflow::drop_new};
  const host::statem_totals& counts = plan.code->is->totals<host::statem_totals>();
  const std::uint64_t dropped = counts.dropped_postponed.value();
  const std::uint64_t running = counts.machines.value();
  REQUIRE(set.start(std::move(plan)) == "ok");
  CHECK(counts.machines.value() == running + 1);
  set.send("go");
  set.send("first");
  set.send("second");
  const auto pid = *set.host.system.whereis("scripted");
  const auto told = set.host.run([&](runtime::process& self) {
    return text(
        behaviours::ask_shown_state(self, pid, base::mono_now() + 10 * base::nanos_per_second).engine);
  });
  for (const char* part :
       {"#{kind => statem,", "state => <<\"b\">>", "previous => <<\"a\">>", "changes => 1", "queued => 0",
        "length => 1", "limit => 1", "dropped => 1", "oldest => <<\"first\">>",
        "type => <<\"state_timeout\">>", "left_ms => 89", "event => <<\"info\">>", "to => <<\"b\">>"})
    CHECK_MESSAGE(told.find(part) != std::string::npos, told);
  CHECK(counts.dropped_postponed.value() == dropped + 1);
  acts.event = [](coppice_actor*, const coppice_statem_event*) { return COPPICE_STOP; };
  CHECK(end_by(set, "stop") == "normal");
  for (int i = 0; i < 1000 && counts.machines.value() != running; ++i)
    coppice::test::pause(std::chrono::milliseconds(10));
  CHECK(counts.machines.value() == running);
}

TEST_CASE("the end of a request is an event, and may be postponed") {
  stage set;
  acts = {};
  acts.event = [&](coppice_actor* self, const coppice_statem_event* e) {
    if (e->type == COPPICE_STATEM_EVENT_RESPONSE) {
      note("response " + std::to_string(e->tag) + " " + std::to_string(e->status) + " " +
           test::shown(&e->content) + " in " + shown(e->state) + " with " + context(self));
      return is_atom(e->state, "a") ? machines.postpone(self) : COPPICE_OK;
    }
    if (is_atom({e->content.data, e->content.size}, "change")) return machines.next_state_atom(self, "b");
    std::uint64_t id = 0;
    const auto nobody = term("nobody");
    literal request("hello");
    literal kept("caller");
    CHECK(calls.request(self, {nobody.bytes().data(), nobody.size()}, &request.raw, 0, 7, &id) == COPPICE_OK);
    return host::context_interface()->keep(self, id, &kept.raw);
  };
  REQUIRE(set.start(machine_type) == "ok");
  set.send("ask");
  const std::string got = "response 7 " + std::to_string(COPPICE_E_NOPROC) + " nothing in ";
  CHECK(set.lines(1) == strings{got + "a with caller"});
  set.send("change");
  CHECK(set.lines(1) == strings{got + "b with caller"});
}

TEST_CASE("a reload in the middle of it all: state, what is postponed and time-outs go on, in the new code") {
  host::identity_book identities;
  host::plugin_image next("test", 4); // its code outlives the process
  stage set;
  acts = {};
  acts.event = [](coppice_actor* self, const coppice_statem_event* e) {
    const coppice_bytes what{e->content.data, e->content.size};
    note(shown(what) + " in " + shown(e->state));
    if (is_atom(what, "later")) return is_atom(e->state, "a") ? machines.postpone(self) : COPPICE_OK;
    if (is_atom(what, "arm")) {
      auto timeout = timeout_of(COPPICE_STATEM_EVENT_NAMED_TIMEOUT, 50 * base::nanos_per_ms);
      const auto name = term("n");
      timeout.name = {name.bytes().data(), name.size()};
      literal content("rings");
      return machines.set_timeout(self, &timeout, &content.raw);
    }
    return is_atom(what, "rings") ? machines.next_state_atom(self, "b") : COPPICE_OK;
  };
  acts.enter = [](coppice_actor*, const coppice_statem_event* e) { return note("enter " + shown(e->state)); };
  next.keep(host::read_code(entering_type, "test", identities));
  REQUIRE(set.start(machine_type) == "ok");
  set.send("later");
  set.send("arm");
  CHECK(set.lines(2) == strings{"later in a", "arm in a"});
  const auto pid = *set.host.system.whereis("scripted");
  std::vector<runtime::pid> late;
  const runtime::pid all[] = {pid};
  REQUIRE(runtime::freezer::visit(
      set.host.system, all,
      [&](runtime::process& p, std::size_t) {
        auto& actor = dynamic_cast<host::reloadable&>(p.does());
        const auto saved = actor.save(p);
        REQUIRE(saved);
        CHECK(text(saved->term) == "42"); // only the data
        REQUIRE(actor.prepare(p, next, *next.find("scripted"), *saved));
        actor.go_over(p);
      },
      base::mono_now() + 20 * base::nanos_per_second, late));
  CHECK(set.lines(6) ==
        strings{"restore 42", "destroy", "after_restore", "rings in a", "enter b", "later in b"});
  CHECK(set.host.system_request(destination::named("scripted"), "get_state") == "{ok,{b,2}}");
}
