// SPDX-License-Identifier: MIT
// Tests of an event manager whose handlers are processes of their own: what OTP's lacks, and failures.
#include <thread>

#include "event_manager_fixture.hpp"
#include "held_clock.hpp"

using namespace coppice;
using namespace coppice::test;

namespace {

std::shared_ptr<behaviours::event_manager_spec> with_handlers(std::initializer_list<const char*> ids,
                                                              bool permanent = false) {
  auto out = std::make_shared<behaviours::event_manager_spec>();
  for (const char* id : ids)
    out->handlers.push_back({term(fmt::format("{{'h:h', {}}}", id)), "h:h", term(id), permanent, {}});
  return out;
}

using lines = std::vector<std::string>;

// The value of `key` for the handler that was added first, in the shown state of the engine.
std::string of_first(event_manager_fixture& on, const std::string& key) {
  return on.host.run([&](runtime::process& self) {
    const auto shown =
        behaviours::ask_shown_state(self, on.manager, base::mono_now() + 10 * base::nanos_per_second);
    const std::string engine = text(shown.engine);
    const auto begin = engine.rfind(key + " => ") + key.size() + 4;
    return engine.substr(begin, engine.find_first_of(",}", begin) - begin);
  });
}

std::size_t lines_of(const lines& all, std::string_view id) {
  return static_cast<std::size_t>(
      std::ranges::count_if(all, [&](const std::string& one) { return one.starts_with(id); }));
}

} // namespace

TEST_CASE("handlers of the configuration begin in its order, the last one is the first of which_handlers") {
  event_manager_fixture on;
  on.begin(with_handlers({"a", "b"}));
  CHECK(on.ask("which_handlers") == "[{'h:h',b},{'h:h',a}]");
  CHECK(on.ask("get_modules") == "['h:h']");
  CHECK(on.host.book.take(0) == lines{"a init a", "b init b"});
  CHECK(on.host.system_request(runtime::destination::named("events"), "get_state") ==
        "{ok,[{'h:h',b,0},{'h:h',a,0}]}");
}

TEST_CASE("sync_notify is answered when the last handler has handled") {
  event_manager_fixture on;
  on.begin(with_handlers({"a", "b", "c"}));
  on.host.book.take(3);
  for (int i = 1; i <= 100; ++i) on.tell(fmt::format("{{notify, {{{}, []}}}}", i));
  CHECK(on.ask("{sync_notify, {101, []}}") == "ok");
  auto all = on.host.book.take(0);
  CHECK(all.size() == 303);
  for (const char* id : {"a", "b", "c"}) {
    lines own;
    for (const std::string& line : all)
      if (line.starts_with(id)) own.push_back(line.substr(2));
    REQUIRE(own.size() == 101);
    for (int i = 1; i <= 101; ++i) CHECK(own[static_cast<std::size_t>(i - 1)] == fmt::format("event{}", i));
  }
}

TEST_CASE("a permanent handler that fails is begun again in its place, until it fails too often") {
  event_manager_fixture on;
  on.begin(with_handlers({"a", "b", "c"}, true));
  on.host.book.take(3);
  const std::string all = "[{'h:h',c},{'h:h',b},{'h:h',a}]";
  for (int i = 1; i <= 3; ++i) {
    CHECK(on.ask(fmt::format("{{sync_notify, {{{}, [{{b, boom}}]}}}}", i)) == "ok");
    CHECK(on.ask("which_handlers") == all);
  }
  CHECK(on.ask("{sync_notify, {4, [{b, boom}]}}") == "ok");
  CHECK(on.ask("which_handlers") == "[{'h:h',c},{'h:h',a}]");
  CHECK(on.ask("{sync_notify, {5, [{c, remove}]}}") == "ok"); // the handler removes itself
  CHECK(on.ask("which_handlers") == "[{'h:h',a}]");
}

TEST_CASE("a handler that is killed is removed, and who added it is told") {
  event_manager_fixture on;
  on.begin();
  on.host.run([&](runtime::process& self) {
    CHECK(on.asked(self, "{add_sup_handler, {'h:h', a}, a, pid}") == "ok");
    CHECK(on.asked(self, "{add_handler, {'h:h', b}, b}") == "ok");
    const runtime::pid first = on.first_handler(self);
    const auto gone = self.monitor(first, true);
    self.exit(first, runtime::message::atom("kill"));
    (void)self.await(gone);
    CHECK(on.asked(self, "{sync_notify, {1, []}}") == "ok");
    CHECK(on.asked(self, "which_handlers") == "[{'h:h',b}]");
    CHECK(on.told(self) == lines{"{gen_event_EXIT,{'h:h',a},{'EXIT',killed}}"});
  });
}

TEST_CASE("what there is no actor for is refused as a module that does not exist") {
  event_manager_fixture on;
  on.begin();
  CHECK(on.ask("{add_handler, nowhere, [1]}") == "{'EXIT',{undef,[{nowhere,init,[[1]],[]}]}}");
  CHECK(on.ask("{add_handler, {nowhere, x}, a}") == "{'EXIT',{undef,[{nowhere,init,[a],[]}]}}");
  CHECK(on.ask("{add_handler, 7, a}") == "{'EXIT',badarg}");
  CHECK(on.ask("{swap_handler, {'h:h', z}, w, nowhere, a}") ==
        "{error,{'EXIT',{undef,[{nowhere,init,[{a,error}],[]}]}}}");
  CHECK(on.ask("which_handlers") == "[]");
}

TEST_CASE("requests that are none are refused, and the manager goes on") {
  event_manager_fixture on;
  on.begin(with_handlers({"a"}));
  for (const char* request : {"nonsense", "{}", "{call}", "{call, a}", "{add_handler, a}", "7", "[]",
                              "{add_sup_handler, {'h:h', b}, b, not_a_pid}", "{sync_notify}",
                              "{swap_handler, a, b, c}", "{swap_sup_handler, a, b, c, d, e}"})
    CHECK_MESSAGE(on.ask(request) == "{error,bad_request}", request);
  CHECK(on.ask("{call, {'h:h', b}, ok}") == "{error,bad_module}");
  CHECK(on.ask("{delete_handler, {'h:h', b}, w}") == "{error,module_not_found}");
  CHECK(on.host.call(runtime::destination::named("events"), "hello").starts_with("{error,{bad_request,"));
  CHECK(on.ask("{call, {'h:h', a}, ok}") == "{seen,a,0}");
}

TEST_CASE("a manager has as many handlers as it may") {
  event_manager_fixture on;
  auto spec = with_handlers({"a"});
  spec->limit = 2;
  on.begin(spec);
  CHECK(on.ask("{add_handler, {'h:h', b}, b}") == "ok");
  CHECK(on.ask("{add_handler, {'h:h', c}, c}") == "{'EXIT',system_limit}");
}

TEST_CASE("nobody but the manager is obeyed by a handler, and no message is taken for a handler's leaving") {
  event_manager_fixture on;
  on.begin(with_handlers({"a"}));
  on.tell("{'$coppice_event_handler_left', pid, remove}");
  on.tell("'$coppice_event_flush'");
  on.tell("{'EXIT', pid, boom}");
  CHECK(on.ask("{sync_notify, {1, []}}") == "ok");
  CHECK(on.ask("which_handlers") == "[{'h:h',a}]");
}

TEST_CASE("stop, and the parent's exit, tell the handlers that it stops") {
  event_manager_fixture on;
  on.begin(with_handlers({"a"}));
  on.host.book.take(1);
  CHECK(on.ask("stop") == "ok");
  CHECK(on.host.book.take(1) == lines{"a removed stop"});
}

TEST_CASE("a handler slower than slow_after holds nobody up, and goes on") {
  event_manager_fixture on;
  auto spec = with_handlers({"a", "b"});
  spec->slow_after = 20 * base::nanos_per_ms;
  on.begin(spec);
  on.host.book.take(2);
  const runtime::pid destination =
      on.host.run([&](runtime::process& self) { return on.first_handler(self); });
  CHECK(on.host.system_request(runtime::destination(destination), "suspend") == "ok");
  const auto began = base::mono_now();
  CHECK(on.ask("{sync_notify, {1, []}}") == "ok");
  CHECK(base::mono_now() - began >= 20 * base::nanos_per_ms);
  CHECK(on.host.book.take(1).size() == 1);
  CHECK(on.host.system_request(runtime::destination(destination), "resume") == "ok");
  CHECK(on.host.book.take(1).size() == 1);
}

TEST_CASE("what waits before a slow handler is bounded, what comes beyond is dropped and counted") {
  event_manager_fixture on;
  auto spec = with_handlers({"a", "b"});
  spec->slow_after = 20 * base::nanos_per_ms;
  spec->backlog.events = 100;
  on.begin(spec);
  on.host.book.take(2);
  const runtime::pid slow = on.host.run([&](runtime::process& self) { return on.first_handler(self); });
  CHECK(on.host.system_request(runtime::destination(slow), "suspend") == "ok");
  constexpr int sent = 1000;
  for (int i = 1; i <= sent; ++i) on.tell(fmt::format("{{notify, {{{}, []}}}}", i));
  CHECK(on.ask(fmt::format("{{sync_notify, {{{}, []}}}}", sent + 1)) == "ok");
  const auto others = on.host.book.take(sent + 1);
  CHECK(lines_of(others, "b ") == sent + 1);
  CHECK(of_first(on, "slow") == "true");
  const int waiting = std::stoi(of_first(on, "waiting"));
  const int dropped = std::stoi(of_first(on, "dropped"));
  CHECK(waiting > 0);
  CHECK(waiting <= 100);
  CHECK(waiting + dropped == sent + 1);
  CHECK(on.host.system_request(runtime::destination(slow), "resume") == "ok");
  CHECK(lines_of(on.host.book.take(static_cast<std::size_t>(waiting)), "a ") ==
        static_cast<std::size_t>(waiting));
  while (of_first(on, "waiting") != "0") coppice::test::pause(std::chrono::milliseconds(1));
  CHECK(on.ask("{sync_notify, {9999, []}}") == "ok"); // the handler is waited for again, and misses no event
  CHECK(on.host.book.take(2).size() == 2);
  CHECK(of_first(on, "slow") == "false");
  CHECK(std::stoi(of_first(on, "seen")) == waiting + 1);
  CHECK(std::stoi(of_first(on, "dropped")) == dropped);
}

TEST_CASE("the bytes before a slow handler are bounded, too") {
  event_manager_fixture on;
  auto spec = with_handlers({"a"});
  spec->slow_after = 20 * base::nanos_per_ms;
  spec->backlog.bytes = 1000;
  on.begin(spec);
  const runtime::pid slow = on.host.run([&](runtime::process& self) { return on.first_handler(self); });
  CHECK(on.host.system_request(runtime::destination(slow), "suspend") == "ok");
  const std::string large(900, 'x');
  for (int i = 1; i <= 5; ++i)
    CHECK(on.ask(fmt::format("{{sync_notify, {{{}, [], \"{}\"}}}}", i, large)) == "ok");
  CHECK(of_first(on, "waiting") == "1");
  CHECK(of_first(on, "dropped") == "4");
}

TEST_CASE("with on_full: exit a slow handler without room ends, and who added it is told") {
  event_manager_fixture on;
  auto spec = with_handlers({});
  spec->slow_after = 20 * base::nanos_per_ms;
  spec->backlog = {1, 1 << 20, behaviours::event_overload::exit};
  on.begin(spec);
  on.host.run([&](runtime::process& self) {
    CHECK(on.asked(self, "{add_sup_handler, {'h:h', a}, a, pid}") == "ok");
    CHECK(on.asked(self, "{add_handler, {'h:h', b}, b}") == "ok");
    const runtime::pid slow = on.first_handler(self);
    const auto gone = self.monitor(slow, true);
    event_manager_fixture::order(self, slow, "suspend");
    CHECK(on.asked(self, "{sync_notify, {1, []}}") == "ok");
    CHECK(on.asked(self, "{sync_notify, {2, []}}") == "ok");
    CHECK(on.asked(self, "which_handlers") == "[{'h:h',b}]");
    CHECK(self.await(gone).error().what == runtime::await_error::kind::down);
    CHECK(on.told(self) == lines{"{gen_event_EXIT,{'h:h',a},{'EXIT',mailbox_full}}"});
  });
}

TEST_CASE("a handler that is waited for misses nothing, however small the backlog is") {
  event_manager_fixture on;
  auto spec = with_handlers({"a"});
  spec->backlog.events = 1;
  on.begin(spec);
  on.host.book.take(1);
  for (int i = 1; i <= 500; ++i) on.tell(fmt::format("{{notify, {{{}, []}}}}", i));
  CHECK(on.ask("{sync_notify, {501, []}}") == "ok");
  CHECK(on.host.book.take(0).size() == 501);
  CHECK(of_first(on, "seen") == "501");
  CHECK(of_first(on, "dropped") == "0");
}

TEST_CASE("what a handler has seen goes on over its restarts, and its last failure is kept") {
  event_manager_fixture on;
  on.begin(with_handlers({"a"}, true));
  on.host.book.take(1);
  CHECK(on.ask("{sync_notify, {1, []}}") == "ok");
  CHECK(on.ask("{sync_notify, {2, [{a, boom}]}}") == "ok");
  CHECK(on.ask("{sync_notify, {3, []}}") == "ok");
  CHECK(of_first(on, "seen") == "2"); // the event in which it failed does not count
  CHECK(of_first(on, "restarts") == "1");
  CHECK(of_first(on, "failure").find("boom") != std::string::npos);
}

TEST_CASE("a handler whose `removed` fails is gone, and who removed it hears why") {
  event_manager_fixture on;
  on.begin(with_handlers({"a", "b"}));
  CHECK(on.ask("{delete_handler, {'h:h', a}, boom}") == "{'EXIT',boom}");
  CHECK(on.ask("{swap_handler, {'h:h', b}, boom, {'h:h', c}, c}") == "ok");
  CHECK(on.ask("which_handlers") == "[{'h:h',c}]");
  CHECK(on.host.book.take(0).back() == "c init {c,{'EXIT',boom}}");
}

TEST_CASE("a handler that takes the place of another gets all events after the one at which that one left") {
  event_manager_fixture on;
  on.begin(with_handlers({"a"}));
  on.host.book.take(1);
  const auto manager = runtime::destination::named("events");
  CHECK(on.host.system_request(manager, "suspend") == "ok"); // so that the events come together
  on.tell("{notify, {1, []}}");
  on.tell("{notify, {2, [{a, {swap, b}}]}}");
  for (int i = 3; i <= 150; ++i) on.tell(fmt::format("{{notify, {{{}, [{{b, {{swap, c}}}}]}}}}", i));
  CHECK(on.host.system_request(manager, "resume") == "ok");
  CHECK(on.ask("{sync_notify, {151, []}}") == "ok");
  CHECK(on.ask("which_handlers") == "[{'h:h',c}]");
  const lines all = on.host.book.take(0);
  std::vector<std::string> got;
  for (const std::string& line : all)
    if (line.find(" event") != std::string::npos) got.push_back(line);
  REQUIRE(got.size() == 151);
  for (std::size_t i = 0; i < got.size(); ++i)
    CHECK(got[i] == fmt::format("{} event{}", i < 2 ? "a" : i < 3 ? "b" : "c", i + 1));
}

TEST_CASE("a slow handler that takes its leave hands on all events that it has not handled") {
  event_manager_fixture on;
  auto spec = with_handlers({"a"});
  spec->slow_after = 20 * base::nanos_per_ms;
  on.begin(spec);
  on.host.book.take(1);
  on.host.run([&](runtime::process& self) {
    const runtime::pid slow = on.first_handler(self);
    event_manager_fixture::order(self, slow, "suspend");
    CHECK(on.asked(self, "{sync_notify, {1, [{a, {swap, b}}]}}") == "ok");
    CHECK(on.asked(self, "{sync_notify, {2, []}}") == "ok");
    CHECK(on.asked(self, "{sync_notify, {3, []}}") == "ok");
    event_manager_fixture::order(self, slow, "resume");
  });
  CHECK(on.host.book.take(5) ==
        lines{"a event1", "a removed {by,a}", "b init {b,{a,1}}", "b event2", "b event3"});
  CHECK(on.ask("{sync_notify, {4, []}}") == "ok");
  CHECK(on.host.book.take(1) == lines{"b event4"});
}

TEST_CASE("a handler that has caught up in part hands on what it has not handled") {
  event_manager_fixture on;
  auto spec = with_handlers({"a"});
  spec->slow_after = 20 * base::nanos_per_ms;
  on.begin(spec);
  on.host.book.take(1);
  const runtime::pid slow = on.host.run([&](runtime::process& self) { return on.first_handler(self); });
  CHECK(on.host.system_request(runtime::destination(slow), "suspend") == "ok");
  CHECK(on.ask("{sync_notify, {1, []}}") == "ok");
  on.tell("{notify, {2, [{a, stall}]}}");
  on.tell("{notify, {3, [{a, {swap, b}}]}}");
  on.tell("{notify, {4, []}}");
  CHECK(on.ask("{sync_notify, {5, []}}") == "ok"); // the slow handler is not waited for
  handling::stalled = true;
  CHECK(on.host.system_request(runtime::destination(slow), "resume") == "ok");
  CHECK(on.host.book.take(2) == lines{"a event1", "a event2"});
  CHECK(of_first(on, "slow") == "false");
  CHECK(on.ask("which_handlers") == "[{'h:h',a}]");
  handling::stalled = false;
  CHECK(on.host.book.take(5) ==
        lines{"a event3", "a removed {by,a}", "b init {b,{a,3}}", "b event4", "b event5"});
}

TEST_CASE("a handler that begins with as many events as may wait for it is waited for") {
  event_manager_fixture on;
  auto spec = with_handlers({"a"});
  spec->slow_after = base::nanos_per_second / 4;
  spec->backlog = {3, 1 << 20, behaviours::event_overload::exit};
  on.begin(spec);
  on.host.book.take(1);
  on.host.run([&](runtime::process& self) {
    const runtime::pid slow = on.first_handler(self);
    const auto gone = self.monitor(slow, true);
    event_manager_fixture::order(self, slow, "suspend");
    CHECK(on.asked(self, "{sync_notify, {1, [{a, {swap, b}}]}}") == "ok");
    CHECK(on.asked(self, "{sync_notify, {2, []}}") == "ok");
    CHECK(on.asked(self, "{sync_notify, {3, []}}") == "ok");
    event_manager_fixture::order(self, on.manager, "suspend");
    on.tell("{notify, {4, []}}");
    on.tell("{notify, {5, []}}");
    event_manager_fixture::order(self, slow, "resume");
    CHECK(self.await(gone).error().what == runtime::await_error::kind::down);
    event_manager_fixture::order(self, on.manager, "resume");
    CHECK(on.asked(self, "{sync_notify, {6, []}}") == "ok");
    CHECK(on.asked(self, "which_handlers") == "[{'h:h',b}]");
  });
  CHECK(on.host.book.take(8) == lines{"a event1", "a removed {by,a}", "b init {b,{a,1}}", "b event2",
                                      "b event3", "b event4", "b event5", "b event6"});
}

TEST_CASE("what a handler that was begun again leaves unhandled goes to the one in its place") {
  event_manager_fixture on;
  auto spec = with_handlers({"a"}, true);
  spec->slow_after = 20 * base::nanos_per_ms;
  spec->backlog = {1, 1 << 20, behaviours::event_overload::exit};
  on.begin(spec);
  on.host.book.take(1);
  on.host.run([&](runtime::process& self) {
    event_manager_fixture::order(self, on.first_handler(self), "suspend");
    CHECK(on.asked(self, "{sync_notify, {1, []}}") == "ok");
  });
  on.tell("{notify, {2, []}}");
  CHECK(on.host.book.take(1) == lines{"a init a"}); // the handler had no room, and was started anew
  CHECK(on.host.system_request(runtime::destination(on.manager), "suspend") == "ok");
  on.tell("{notify, {3, [{a, {swap, b}}]}}");
  on.tell("{notify, {4, []}}");
  CHECK(on.host.system_request(runtime::destination(on.manager), "resume") == "ok");
  CHECK(on.ask("{sync_notify, {5, []}}") == "ok");
  CHECK(on.host.book.take(5) ==
        lines{"a event3", "a removed {by,a}", "b init {b,{a,1}}", "b event4", "b event5"});
}

TEST_CASE("a handler that has left is asked nothing, though the manager was suspended meanwhile") {
  const auto with = [](auto&& body) {
    event_manager_fixture on;
    auto spec = with_handlers({});
    spec->slow_after = 20 * base::nanos_per_ms;
    spec->backlog = {1, 1 << 20, behaviours::event_overload::exit};
    on.begin(spec);
    on.host.run([&](runtime::process& self) {
      CHECK(on.asked(self, "{add_sup_handler, {'h:h', a}, a, pid}") == "ok");
      body(on, self);
    });
  };
  with([](event_manager_fixture& on, runtime::process& self) {
    CHECK(on.asked_before_the_end(self, "{swap, b}", "{sync_notify, {2, []}}") == "ok");
    CHECK(on.asked(self, "{call, {'h:h', b}, ok}") == "{seen,b,1}");
    CHECK(event_manager_fixture::told(self) == lines{"{gen_event_EXIT,{'h:h',a},{swapped,{'h:h',b},pid}}"});
  });
  with([](event_manager_fixture& on, runtime::process& self) {
    CHECK(on.asked_before_the_end(self, "boom", "{sync_notify, {2, []}}") == "ok");
    CHECK(event_manager_fixture::told(self) == lines{"{gen_event_EXIT,{'h:h',a},{'EXIT',boom}}"});
  });
  with([](event_manager_fixture& on, runtime::process& self) {
    CHECK(on.asked_before_the_end(self, "remove", "{call, {'h:h', a}, ok}") == "{error,bad_module}");
    CHECK(event_manager_fixture::told(self) == lines{"{gen_event_EXIT,{'h:h',a},normal}"});
  });
  with([](event_manager_fixture& on, runtime::process& self) {
    CHECK(on.asked_before_the_end(self, "remove", "{delete_handler, {'h:h', a}, why}") ==
          "{error,module_not_found}");
    CHECK(event_manager_fixture::told(self) == lines{"{gen_event_EXIT,{'h:h',a},normal}"});
  });
}

TEST_CASE("a call to a slow handler that ends before it has handled the call is answered by the manager") {
  // What happens to the handler, which is suspended, and the answer to the call.
  struct row {
    const char* event;
    std::function<void(event_manager_fixture&, runtime::process&, const runtime::pid&)> then;
    const char* answer;
  };
  const auto resumes = [](event_manager_fixture&, runtime::process& self, const runtime::pid& slow) {
    event_manager_fixture::order(self, slow, "resume");
  };
  const auto is_killed = [](event_manager_fixture&, runtime::process& self, const runtime::pid& slow) {
    self.exit(slow, runtime::message::atom("kill"));
  };
  const auto is_deleted = [](event_manager_fixture& on, runtime::process& self, const runtime::pid&) {
    CHECK(on.asked(self, "{delete_handler, {'h:h', a}, why}") == "{'EXIT',timeout}");
  };
  for (const row& each :
       {row{"remove", resumes, "{error,bad_module}"}, row{"{swap, b}", resumes, "{error,bad_module}"},
        row{"boom", resumes, "{error,{'EXIT',boom}}"}, row{"ok", resumes, "{seen,a,1}"},
        row{"ok", is_killed, "{error,{'EXIT',killed}}"}, row{"ok", is_deleted, "{error,bad_module}"}}) {
    CAPTURE(each.event);
    CAPTURE(each.answer);
    event_manager_fixture on;
    auto spec = with_handlers({"a"});
    spec->slow_after = 20 * base::nanos_per_ms;
    on.begin(spec);
    on.host.run([&](runtime::process& self) {
      const runtime::pid slow = on.first_handler(self);
      event_manager_fixture::order(self, slow, "suspend");
      CHECK(on.asked(self, fmt::format("{{sync_notify, {{1, [{{a, {}}}]}}}}", each.event)) == "ok");
      const auto call = on.request(self, "{call, {'h:h', a}, ok}");
      CHECK(on.asked(self, "which_handlers") == "[{'h:h',a}]"); // the call is not waited for any more
      each.then(on, self, slow);
      const auto answer =
          behaviours::gen::finish_call(self, call, base::mono_now() + 10 * base::nanos_per_second);
      CHECK((answer ? text(*answer) : "none") == each.answer);
    });
  }
}

TEST_CASE("calls to a slow handler hold up neither the others nor the manager") {
  constexpr int asked_for = 20;
  for (const bool in_call : {false, true}) { // the handler is slow with an event, or with an earlier call
    CAPTURE(in_call);
    event_manager_fixture on;
    auto spec = with_handlers({"a"});
    spec->slow_after = 500 * base::nanos_per_ms;
    on.begin(spec);
    on.host.run([&](runtime::process& self) {
      const runtime::pid slow = on.first_handler(self);
      event_manager_fixture::order(self, slow, "suspend");
      std::vector<runtime::reference> asked;
      if (in_call)
        asked.push_back(on.request(self, "{call, {'h:h', a}, ok}"));
      else
        CHECK(on.asked(self, "{sync_notify, {1, []}}") == "ok");
      CHECK(on.asked(self, "which_handlers") == "[{'h:h',a}]");
      const base::nanos began = base::mono_now();
      for (int i = 0; i < asked_for; ++i) asked.push_back(on.request(self, "{call, {'h:h', a}, ok}"));
      CHECK(on.asked(self, "which_handlers") == "[{'h:h',a}]");
      CHECK(base::mono_now() - began < asked_for * spec->slow_after);
      event_manager_fixture::order(self, slow, "resume");
      for (const runtime::reference& each : asked) {
        const auto answer =
            behaviours::gen::finish_call(self, each, base::mono_now() + 10 * base::nanos_per_second);
        CHECK((answer ? text(*answer) : "none") == (in_call ? "{seen,a,0}" : "{seen,a,1}"));
      }
    });
  }
}

TEST_CASE("who ends while its handler is being added has none") {
  event_manager_fixture on;
  on.begin(with_handlers({"a"}));
  on.host.run([&](runtime::process& self) { on.invite(self, "b", false); });
  CHECK(on.ask("{sync_notify, {1, []}}") == "ok");
  CHECK(on.ask("which_handlers") == "[{'h:h',a}]");
}

TEST_CASE("a thousand handlers get all events, and there is room for no more") {
  auto spec = std::make_shared<behaviours::event_manager_spec>();
  for (int i = 0; i < 1000; ++i)
    spec->handlers.push_back(
        {term(fmt::format("{{'h:h', h{}}}", i)), "h:h", term(fmt::format("h{}", i)), false, {}});
  event_manager_fixture on;
  on.begin(spec);
  CHECK(on.host.book.take(1000).size() == 1000);
  CHECK(on.ask("{add_handler, {'h:h', more}, more}") == "{'EXIT',system_limit}");
  for (int i = 1; i <= 10; ++i) on.tell(fmt::format("{{notify, {{{}, []}}}}", i));
  CHECK(on.ask("{sync_notify, {11, [{h7, boom}]}}") == "ok");
  CHECK(on.host.book.take(11'000).size() >= 11'000);
  CHECK(on.ask("{call, {'h:h', h7}, ok}") == "{error,bad_module}");
  CHECK(on.ask("{call, {'h:h', h8}, ok}") == "{seen,h8,11}");
}

TEST_CASE("a handler that holds its thread holds up neither the others nor the manager") {
  event_manager_fixture on;
  auto spec = with_handlers({"a", "b"});
  spec->slow_after = 20 * base::nanos_per_ms;
  on.begin(spec);
  handling::stalled = true;
  CHECK(on.ask("{sync_notify, {1, [{a, stall}]}}") == "ok");
  for (int i = 2; i <= 50; ++i) CHECK(on.ask(fmt::format("{{sync_notify, {{{}, []}}}}", i)) == "ok");
  CHECK(on.ask("{call, {'h:h', b}, ok}") == "{seen,b,50}");
  CHECK(of_first(on, "slow") == "true");
  handling::stalled = false;
  while (of_first(on, "waiting") != "0") coppice::test::pause(std::chrono::milliseconds(1));
  CHECK(on.ask("{call, {'h:h', a}, ok}") == "{seen,a,50}");
}

TEST_CASE("a handler that is killed in one of the events that came together handles none of the others") {
  event_manager_fixture on;
  auto spec = with_handlers({});
  spec->slow_after = 20 * base::nanos_per_ms;
  on.begin(spec);
  CHECK(on.ask("{add_handler, {'h:h', a}, a}") == "ok");
  on.host.book.take(1);
  const runtime::pid a = on.host.run([&](runtime::process& self) { return on.first_handler(self); });
  handling::stalled = true;
  CHECK(on.host.system_request(runtime::destination(a), "suspend") == "ok");
  CHECK(on.ask("{sync_notify, {1, []}}") == "ok"); // later events wait for it and come together
  on.tell("{notify, {2, [{a, stall}]}}");
  on.tell("{notify, {3, []}}");
  CHECK(on.ask("{sync_notify, {4, []}}") == "ok");
  CHECK(on.host.system_request(runtime::destination(a), "resume") == "ok");
  CHECK(on.host.book.take(2) == lines{"a event1", "a event2"});
  on.host.run([&](runtime::process& self) { self.exit(a, runtime::message::atom("kill")); });
  while (on.host.system.counters().lingering == 0) coppice::test::pause(std::chrono::milliseconds(1));
  handling::stalled = false;
  while (on.host.system.counters().lingering != 0) coppice::test::pause(std::chrono::milliseconds(1));
  CHECK(on.ask("which_handlers") == "[]");
  CHECK(on.host.book.lines().empty());
}
