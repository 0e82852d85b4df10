// SPDX-License-Identifier: MIT
// Tests of the server engine whose callbacks are written here in place of a plugin's: the effect of each
// status, replies, requests, timers, sys, the parent's exit, and calls that a plugin may not make.
#include "host/actors/server.hpp"

#include <algorithm>
#include <stdexcept>

#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;
using runtime::destination;

namespace {

constexpr coppice_actor_type other_type = {
    sizeof(coppice_actor_type), 0, "other", "server", full_tables, nullptr};

} // namespace

// The cost of an idle server beside its process. It is small because there may be hundreds of thousands.
static_assert(sizeof(host::server) <= 176);

TEST_CASE("what init's status comes to is what the spawner hears") {
  struct row {
    std::int32_t status;
    const char* reason; // null: no set_reason
    const char* heard;
  };
  const row rows[] = {
      {COPPICE_OK, nullptr, "ok"},
      {COPPICE_HIBERNATE, nullptr, "ok"},
      {COPPICE_IGNORE, nullptr, "ignore"},
      {COPPICE_STOP, nullptr, "{error,normal}"},
      {COPPICE_STOP, "{no, config}", "{error,{no,config}}"},
      {COPPICE_E_NOT_FOUND, nullptr, "{error,not_found}"},
      {COPPICE_E_NOT_FOUND, "gone", "{error,gone}"},
      {COPPICE_UNHANDLED, nullptr, "{error,badarg}"},
      {99, nullptr, "{error,{bad_return_value,99}}"},
      {-99, "said", "{error,{bad_return_value,-99}}"},
  };
  for (const row& each : rows) {
    stage set;
    play.init = [&](coppice_actor* self) {
      if (each.reason != nullptr) {
        const auto reason = term(each.reason);
        CHECK(actors.set_reason(self, {reason.bytes().data(), reason.size()}) == COPPICE_OK);
      }
      return each.status;
    };
    CHECK(set.start() == each.heard);
  }
}

TEST_CASE("an error text goes into the reason") {
  stage set;
  play.init = [](coppice_actor* self) {
    actors.set_error(self, COPPICE_E_INVALID, coppice_text("no such colour"));
    return COPPICE_E_INVALID;
  };
  CHECK(set.start() == "{error,{badarg,<<\"no such colour\">>}}");
}

TEST_CASE("a create that fails leaves nothing to destroy") {
  stage set;
  play.create = [](coppice_actor*) { return COPPICE_E_MEMORY; };
  CHECK(set.start() == "{error,system_limit}");
  CHECK(set.host.book.lines().empty());
}

TEST_CASE("create may look at who it is, and a call beyond that fails the start by its name") {
  stage set;
  play.create = [](coppice_actor* self) {
    CHECK(actors.self_borrowed(self).size != 0);
    CHECK(actors.node_borrowed(self).size != 0);
    CHECK(actors.args_borrowed(self).size != 0);
    CHECK(actors.env_borrowed(self).size != 0);
    return COPPICE_OK;
  };
  CHECK(set.start() == "ok");
  play.create = [](coppice_actor* self) {
    CHECK(actors.register_name(self, coppice_text("x")) == COPPICE_E_CONTEXT);
    CHECK(actors.unregister_name(self, coppice_text("x")) == COPPICE_E_CONTEXT);
    return COPPICE_OK;
  };
  set.lines(1);
  CHECK(set.start(other_type) ==
        "{error,{bad_context,<<\"its create called coppice.actor/1's register_name, which is not allowed "
        "before "
        "init: use init, and after_restore for a state that is restored\">>}}");
  CHECK(set.lines(1) == strings{"destroy"});
}

TEST_CASE("a state is destroyed last, also after a kill") {
  stage set;
  REQUIRE(set.start() == "ok");
  set.host.system.exit(*set.host.system.whereis("scripted"), term("kill"));
  CHECK(set.lines(2) == strings{"init #{}", "destroy"});
}

TEST_CASE("an error that init has set and not failed with is not the reason of a later end") {
  stage set;
  play.init = [](coppice_actor* self) {
    actors.set_error(self, COPPICE_E_REFUSED, coppice_text("no certificate"));
    return COPPICE_OK;
  };
  play.call = [](coppice_actor*, const coppice_message*, coppice_bytes) { return COPPICE_E_NOT_FOUND; };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "!exit not_found");
}

TEST_CASE("continue comes before the next message, and after the spawner has heard of success") {
  stage set;
  play.init = [](coppice_actor*) { return COPPICE_CONTINUE; };
  int times = 0;
  play.go_on = [&](coppice_actor*) {
    note("continue");
    return ++times < 3 ? COPPICE_CONTINUE : COPPICE_OK;
  };
  REQUIRE(set.start() == "ok");
  set.send("first");
  CHECK(set.lines(4) == strings{"continue", "continue", "continue", "info first"});
}

TEST_CASE("calls, casts and messages reach their callbacks") {
  stage set;
  play.call = [](coppice_actor* self, const coppice_message* m, coppice_bytes from) {
    note("call " + shown(m));
    return answer(self, from, "{here, you, are}");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("{please, 1}") == "{here,you,are}");
  set.send("{'$gen_cast', {quietly}}");
  set.send("{plain, message}");
  set.send("{'$gen_call', broken}");
  CHECK(set.lines(5) == strings{"init #{}", "call {please,1}", "cast {quietly}", "info {plain,message}",
                                "info {'$gen_call',broken}"});
}

TEST_CASE("a second reply to the call in hand is refused, of whatever form its From is") {
  stage set;
  play.call = [](coppice_actor* self, const coppice_message* m, coppice_bytes from) {
    const std::vector<std::uint8_t> copy(from.data, from.data + from.size);
    CHECK(answer(self, from, "first") == COPPICE_OK);
    CHECK(answer(self, from, "second") == COPPICE_E_USED);
    CHECK(answer(self, {copy.data(), copy.size()}, "third") == COPPICE_E_USED);
    return note("call " + shown(m));
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("here") == "first");
  set.send("{'$gen_call', {#Pid<a@b.300.1.2>, [alias|#Ref<a@b.300.1.2.3>]}, there}");
  set.send("{'$gen_call', {<0.1.0>, tag}, plain}");
  CHECK(set.lines(4) == strings{"init #{}", "call here", "call there", "call plain"});
}

TEST_CASE("a second reply at any other time is none, and a later one reaches its caller") {
  stage set;
  std::vector<std::uint8_t> kept;
  play.call = [&](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    kept.assign(from.data, from.data + from.size);
    literal nudge("now");
    const coppice_bytes me = actors.self_borrowed(self);
    CHECK(actors.send(self, me, &nudge.raw, 0) == COPPICE_OK);
    return COPPICE_OK;
  };
  play.info = [&](coppice_actor* self, const coppice_message*) {
    const coppice_bytes from{kept.data(), kept.size()};
    CHECK(answer(self, from, "late") == COPPICE_OK);
    CHECK(answer(self, from, "again") == COPPICE_OK);
    CHECK(answer(self, coppice_text("junk"), "x") == COPPICE_E_INVALID);
    return COPPICE_OK;
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("anything") == "late");
}

TEST_CASE("what a plugin does not handle stops it, or is dropped when it is a plain message") {
  stage set;
  REQUIRE(set.start(bare_type) == "ok");
  set.host.system.send(destination::named("bare"), term("stray"));
  CHECK(set.host.call(destination::named("bare"), "{what, now}") == "!exit {bad_call,{what,now}}");
  REQUIRE(set.start(bare_type) == "ok");
  const auto pid = *set.host.system.whereis("bare");
  const auto end = set.host.run([&](runtime::process& self) {
    const auto watched = self.monitor(pid, true);
    self.send(pid, term("{'$gen_cast', {what}}"));
    const auto answer = self.await(watched);
    return answer ? std::string("?") : text(answer.error().reason);
  });
  CHECK(end == "{bad_cast,{what}}");
}

TEST_CASE("stop calls terminate with the reason") {
  stage set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    answer(self, from, "bye");
    const auto reason = term("{done, here}");
    actors.set_reason(self, {reason.bytes().data(), reason.size()});
    return COPPICE_STOP;
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("stop") == "bye");
  CHECK(set.lines(3) == strings{"init #{}", "terminate {done,here}", "destroy"});
}

TEST_CASE("what terminate throws is logged with the reason of the end, and the state is destroyed") {
  static const coppice_lifecycle lifecycle = [] {
    coppice_lifecycle table = full_lifecycle;
    table.terminate = [](coppice_actor*, void*, const coppice_message*) {
      throw std::runtime_error("unsaved");
    };
    return table;
  }();
  static const coppice_table tables[] = {
      {COPPICE_LIFECYCLE_1, &lifecycle}, {COPPICE_SERVER_1, &full_server}, {nullptr, nullptr}};
  static const coppice_actor_type type = {
      sizeof(coppice_actor_type), 0, "scripted", "server", tables, nullptr};
  stage set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    answer(self, from, "bye");
    return COPPICE_STOP;
  };
  REQUIRE(set.start(type) == "ok");
  heard_log log;
  CHECK(set.call("stop") == "bye");
  CHECK(set.lines(2) == strings{"init #{}", "destroy"});
  CHECK(log.count("test: terminate of <0.") == 1);
  CHECK(log.count("(scripted) failed: {exception,unknown,") == 1);
  CHECK(log.count("; it ended with normal") == 1);
}

TEST_CASE("an exception that leaves the plugin is an exit reason") {
  stage set;
  play.call = [](coppice_actor*, const coppice_message*, coppice_bytes) -> std::int32_t {
    throw std::runtime_error("escaped");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("throw").starts_with("!exit {exception,unknown,"));
}

TEST_CASE("the parent's exit stops a server that traps exits, another's is a message") {
  stage set;
  REQUIRE(set.start(full_type, true, true) == "ok");
  const auto pid = *set.host.system.whereis("scripted");
  set.host.system.exit(pid, term("hello"));
  const auto lines = set.lines(2);
  REQUIRE(lines.size() == 2);
  CHECK(lines[1].starts_with("info {'EXIT',"));
  set.host.run([&](runtime::process& self) {
    self.exit(pid, term("shutdown"));
    return 0;
  });
  CHECK(set.lines(2) == strings{"terminate shutdown", "destroy"});
}

TEST_CASE("requests end with an answer, an end, or their deadline, and once") {
  stage set;
  const auto ask = [](coppice_actor* self, std::string_view whom, std::string_view what, std::uint64_t tag,
                      std::int64_t patience) {
    const auto to = term(whom);
    literal request(what);
    std::uint64_t id = 0;
    CHECK(calls.request(self, {to.bytes().data(), to.size()}, &request.raw, timers.now() + patience, tag,
                        &id) == COPPICE_OK);
    return id;
  };
  play.call = [&](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    ask(self, "echoes", "{good, day}", 1, 10 * base::nanos_per_second);
    ask(self, "nobody", "x", 2, 10 * base::nanos_per_second);
    ask(self, "deaf", "x", 3, base::nanos_per_ms);
    const std::uint64_t id = ask(self, "echoes", "forgotten", 4, 10 * base::nanos_per_second);
    CHECK(calls.cancel(self, id) == COPPICE_OK);
    CHECK(calls.cancel(self, id) == COPPICE_E_NOT_FOUND);
    return answer(self, from, "asked");
  };
  const auto spawn = [&](std::string name, std::unique_ptr<runtime::behaviour> does) {
    runtime::spawn_options options;
    options.name = std::move(name);
    REQUIRE(set.host.system.spawn(std::move(options), std::move(does)).has_value());
  };
  spawn("echoes", std::make_unique<test::scribe>(set.host.book, "echoes"));
  spawn("deaf", std::make_unique<test::stubborn>(set.host.book, "deaf"));
  CHECK(set.lines(2).size() == 2);
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "asked");
  auto lines = set.lines(4);
  std::ranges::sort(lines);
  CHECK(lines == strings{"init #{}", "response 1 0 {echo,{good,day}}",
                         "response 2 " + std::to_string(COPPICE_E_NOPROC) + " nothing",
                         "response 3 " + std::to_string(COPPICE_E_TIMEOUT) + " nothing"});
}

TEST_CASE("a call to oneself is an error at once") {
  stage set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    literal request("x");
    coppice_message got{};
    const auto name = term("scripted");
    const std::int32_t by_name =
        calls.call(self, {name.bytes().data(), name.size()}, &request.raw, COPPICE_FOREVER, &got);
    literal again("x");
    const std::int32_t by_pid =
        calls.call(self, actors.self_borrowed(self), &again.raw, COPPICE_FOREVER, &got);
    CHECK(by_name == COPPICE_E_SELF);
    CHECK(by_pid == COPPICE_E_SELF);
    return answer(self, from, "back");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "back");
}

TEST_CASE("timers fire as messages, and can be asked about and cancelled") {
  stage set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    std::uint64_t far = 0;
    std::uint64_t near = 0;
    literal late("late");
    literal soon("soon");
    coppice_timer_options options{};
    options.size = sizeof options;
    options.deadline = timers.now() + 3600 * base::nanos_per_second;
    CHECK(timers.start(self, &options, &late.raw, &far) == COPPICE_OK);
    options.deadline = timers.now() + base::nanos_per_ms;
    CHECK(timers.start(self, &options, &soon.raw, &near) == COPPICE_OK);
    std::int64_t left = 0;
    CHECK(timers.remaining(self, far, &left) == COPPICE_OK);
    CHECK(left > 3000 * base::nanos_per_second);
    CHECK(timers.cancel(self, far) == COPPICE_OK);
    CHECK(timers.cancel(self, far) == COPPICE_E_NOT_FOUND);
    return answer(self, from, "set");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "set");
  CHECK(set.lines(2) == strings{"init #{}", "info soon"});
}

TEST_CASE("sys:get_state shows the saved state, and saving may do nothing else") {
  stage set;
  play.save = [](coppice_actor* self) {
    literal here("x");
    CHECK(actors.send(self, actors.self_borrowed(self), &here.raw, 0) == COPPICE_E_CONTEXT);
    CHECK(here.raw.data == nullptr); // consumed nevertheless
    CHECK(actors.register_name(self, coppice_text("x")) == COPPICE_E_CONTEXT);
    return COPPICE_OK;
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.host.system_request(destination::named("scripted"), "get_state") == "{ok,42}");
  CHECK(set.host.system_request(destination::named("scripted"), "get_state") == "{ok,42}");
  CHECK(set.lines(1) == strings{"init #{}"});
}

TEST_CASE("host calls from the wrong place, or with nonsense, are refused") {
  stage set;
  coppice_actor* kept = nullptr;
  play.call = [&](coppice_actor* self, const coppice_message* m, coppice_bytes from) {
    kept = self;
    const coppice_bytes elsewhere = coppice_text("w\2ok");
    const coppice_message outside{elsewhere.data, elsewhere.size, m->owner};
    coppice_message copy{};
    CHECK(messages.retain(&outside, &copy) == COPPICE_E_INVALID);
    coppice_message none{};
    CHECK(actors.send(self, from, &none, 0) == COPPICE_E_TERM);
    literal fine("x");
    CHECK(actors.send(self, {nullptr, 12}, &fine.raw, 0) == COPPICE_E_INVALID);
    CHECK(fine.raw.data == nullptr); // consumed nevertheless
    CHECK(actors.link(self, coppice_text("not a pid"), 0) == COPPICE_E_INVALID);
    CHECK(actors.register_name(self, {nullptr, 0}) == COPPICE_E_INVALID);
    CHECK(messages.validate(coppice_text("\x83")) == COPPICE_E_TERM);
    coppice_message borrowed = *m;
    messages.release(&borrowed); // only borrowed: no effect
    return answer(self, from, "survived");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "survived");
  literal stray("x");
  CHECK(actors.send(kept, {stray.held.bytes().data(), stray.held.size()}, &stray.raw, 0) ==
        COPPICE_E_CONTEXT);
  CHECK(actors.send(nullptr, {nullptr, 0}, nullptr, 0) == COPPICE_E_INVALID);
}

TEST_CASE("a writer grows, splices and refuses what is no term") {
  coppice_writer out;
  REQUIRE(messages.write_begin(0, &out) == COPPICE_OK);
  const std::string long_text(100'000, 'x');
  coppice_write_tuple(&out, 3);
  coppice_write_binary(&out, long_text.data(), static_cast<std::uint32_t>(long_text.size()));
  literal spliced("{in, the, middle}");
  CHECK(messages.splice(&out, &spliced.raw) == COPPICE_OK);
  coppice_write_integer(&out, -5'000'000'000);
  coppice_message made{};
  REQUIRE(messages.finish(&out, &made) == COPPICE_OK);
  CHECK(shown(&made).ends_with("xxx\">>,{in,the,middle},-5000000000}"));
  messages.release(&made);
  CHECK(messages.finish(&out, &made) == COPPICE_E_INVALID);
#ifndef NDEBUG // release builds look at the bytes only where they leave the node
  REQUIRE(messages.write_begin(8, &out) == COPPICE_OK);
  coppice_write_tuple(&out, 2);
  CHECK(messages.finish(&out, &made) == COPPICE_E_TERM);
#endif
  REQUIRE(messages.write_begin(8, &out) == COPPICE_OK);
  messages.discard(&out);
}
