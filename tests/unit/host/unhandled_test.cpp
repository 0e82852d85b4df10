// SPDX-License-Identifier: MIT
// Tests of calls, casts and messages that an actor does not handle, by the choice of its class and of its
// configuration. Also tests a handler that goes on after its actor's end.
#include <chrono>
#include <stdexcept>
#include <thread>

#include "base/sanitizer.hpp"
#include "held_clock.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;
using runtime::destination;
using runtime::unhandled;

namespace {

// A server that handles nothing, with that choice in its configuration.
host::actor_plan plan_of(stage& set, std::optional<unhandled> configured) {
  host::actor_plan plan = set.plan(bare_type);
  plan.unhandled = configured;
  return plan;
}

std::string call_bare(stage& set) {
  return set.host.call(destination::named("bare"), "{what, now}");
}

} // namespace

TEST_CASE("the configuration's choice says what becomes of a call that nothing takes") {
  stage set;
  heard_log log;
  SUBCASE("exit: the server ends, as in OTP") {
    REQUIRE(set.start(plan_of(set, unhandled::exit)) == "ok");
    CHECK(call_bare(set) == "!exit {bad_call,{what,now}}");
  }
  SUBCASE("reply_error: the caller is told, and the server goes on") {
    REQUIRE(set.start(plan_of(set, unhandled::reply_error)) == "ok");
    for (int i = 0; i < 3; ++i)
      CHECK(call_bare(set) == "{error,{bad_request,<<\"the server takes no such request\">>}}");
    CHECK(log.count("{what,now}") == 0);
  }
  SUBCASE("log: a line; the caller gets no answer, the next one is served") {
    REQUIRE(set.start(plan_of(set, unhandled::log)) == "ok");
    CHECK(set.host.run([&](runtime::process& self) {
      const auto answer = behaviours::gen::call(self, destination::named("bare"), term("{what, now}").bytes(),
                                                base::mono_now() + 20 * base::nanos_per_ms);
      return !answer && answer.error().what == behaviours::gen::call_error::kind::timeout;
    }));
    CHECK(log.count("got a call it does not take: {what,now}") == 1);
    CHECK(set.host.system.whereis("bare").has_value());
  }
  SUBCASE("ignore: not even a line") {
    REQUIRE(set.start(plan_of(set, unhandled::ignore)) == "ok");
    for (const char* sent : {"{'$gen_cast', {what, now}}", "stray"})
      set.host.system.send(destination::named("bare"), term(sent));
    CHECK(set.host.run([&](runtime::process& self) {
      return !behaviours::gen::call(self, destination::named("bare"), term("{what, now}").bytes(),
                                    base::mono_now() + 20 * base::nanos_per_ms);
    }));
    CHECK(log.count("does not") == 0);
    CHECK(set.host.system.whereis("bare").has_value());
  }
}

TEST_CASE("a cast that nothing takes ends the server or leaves a line, at most one a second") {
  stage set;
  heard_log log;
  REQUIRE(set.start(plan_of(set, unhandled::reply_error)) == "ok");
  for (int i = 0; i < 50; ++i)
    set.host.system.send(destination::named("bare"), term("{'$gen_cast', {what, now}}"));
  CHECK(call_bare(set) == "{error,{bad_request,<<\"the server takes no such request\">>}}");
  CHECK(log.count("got a cast it does not take: {what,now}") >= 1);
  CHECK(log.count("got a cast it does not take: {what,now}") < 10);
}

TEST_CASE("the text that the callback set is the caller's, and in the line before bad_call") {
  stage set;
  heard_log log;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes) {
    actors.set_error(self, COPPICE_E_TERM, coppice_text("element 3: expected an integer, found a float"));
    return COPPICE_UNHANDLED;
  };
  SUBCASE("reply_error") {
    host::actor_plan plan = set.plan();
    plan.unhandled = unhandled::reply_error;
    REQUIRE(set.start(std::move(plan)) == "ok");
    CHECK(set.call("{take,q,1.5}") ==
          "{error,{bad_request,<<\"element 3: expected an integer, found a float\">>}}");
    CHECK(set.call("{take,q,1.5}") ==
          "{error,{bad_request,<<\"element 3: expected an integer, found a float\">>}}");
  }
  SUBCASE("exit") {
    REQUIRE(set.start() == "ok");
    CHECK(set.call("{take,q,1.5}") == "!exit {bad_call,{take,q,1.5}}");
    CHECK(log.count(
              "got a call it does not take: {take,q,1.5}: element 3: expected an integer, found a float") ==
          1);
  }
}

TEST_CASE("what was answered and then called unhandled is not answered twice") {
  stage set;
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    CHECK(answer(self, from, "mine") == COPPICE_OK);
    return COPPICE_UNHANDLED;
  };
  host::actor_plan plan = set.plan();
  plan.unhandled = unhandled::reply_error;
  REQUIRE(set.start(std::move(plan)) == "ok");
  CHECK(set.call("x") == "mine");
  CHECK(set.call("x") == "mine");
}

TEST_CASE("the class's choice counts where the configuration says nothing") {
  struct row {
    std::optional<unhandled> of_class, configured;
    bool ends;
  };
  for (const row& each :
       {row{unhandled::reply_error, {}, false}, row{unhandled::reply_error, unhandled::exit, true},
        row{unhandled::exit, unhandled::reply_error, false}, row{{}, {}, true}}) {
    stage set;
    host::identity_book identities;
    auto code = host::read_code(bare_type, "test", identities);
    code->unhandled = each.of_class;
    host::actor_plan plan = plan_of(set, each.configured);
    plan.code = code.get();
    REQUIRE(set.start(std::move(plan)) == "ok");
    CHECK(call_bare(set).starts_with("!exit {bad_call") == each.ends);
    set.host.system.stop();
  }
}

TEST_CASE("a client's call that nothing takes ends the server only if its configuration says so") {
  const std::string refused = "{error,{bad_request,<<\"the server takes no such request\">>}}";
  for (const auto configured : {std::optional<unhandled>(), std::optional(unhandled::reply_error),
                                std::optional(unhandled::log), std::optional(unhandled::ignore)}) {
    stage set;
    heard_log log;
    REQUIRE(set.start(plan_of(set, configured)) == "ok");
    for (int i = 0; i < 3; ++i)
      CHECK(set.host.call_of_client(destination::named("bare"), "{what, now}") == refused);
    CHECK((log.count("got a call it does not take") != 0) == (configured == unhandled::log));
    if (!configured) CHECK(call_bare(set) == "!exit {bad_call,{what,now}}"); // a call of an actor
  }
  stage set;
  REQUIRE(set.start(plan_of(set, unhandled::exit)) == "ok");
  CHECK(set.host.call_of_client(destination::named("bare"), "{what, now}") == "!exit {bad_call,{what,now}}");
}

TEST_CASE("an exception while a client's call is handled ends the server as ever, and so does an error") {
  stage set;
  play.call = [](coppice_actor*, const coppice_message*, coppice_bytes) -> std::int32_t {
    throw std::runtime_error("thrown");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.host.call_of_client(destination::named("scripted"), "x").starts_with("!exit {exception,"));
}

// The data on an abandoned stack is lost, which the address sanitizer reports as a leak.
#ifndef COPPICE_ASAN
TEST_CASE("a handler that goes on after its actor's end is given up after the time it may linger") {
  runtime::system_options options = test_host::options();
  options.linger = 50 * base::nanos_per_ms;
  stage set(host::hosted_behaviours(), options);
  heard_log log;
  const auto mute = set.host.run([&](runtime::process& self) { // takes no call while it runs a task
    self.register_name("mute");
    return self.self();
  });
  CHECK(mute.here());
  play.call = [&](coppice_actor* self, const coppice_message*, coppice_bytes) {
    for (;;) { // like `while (true) try { … } catch (...) {}`
      const literal name("mute");
      literal request("hello");
      coppice_message got{};
      (void)calls.call(self, {name.held.bytes().data(), name.held.size()}, &request.raw, COPPICE_FOREVER,
                       &got);
    }
    return COPPICE_OK;
  };
  REQUIRE(set.start() == "ok");
  const auto guilty = *set.host.system.whereis("scripted");
  const std::string end = set.host.run([&](runtime::process& self) {
    const auto watched = self.monitor(guilty, true);
    CHECK(behaviours::gen::start_call(self, destination(guilty), term("spin").bytes()));
    while (set.host.system.info(guilty)->summary.status != runtime::process_status::parked)
      coppice::test::pause(std::chrono::milliseconds(1)), self.yield();
    self.exit(destination(guilty), runtime::reasons::kill());
    const auto answer = self.await(watched);
    return answer ? std::string("?") : text(answer.error().reason);
  });
  CHECK(end == "killed");
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (log.count("it is left where it is") == 0 && std::chrono::steady_clock::now() < limit)
    coppice::test::pause(std::chrono::milliseconds(1));
  while (set.host.system.counters().abandoned_stacks == 0 && std::chrono::steady_clock::now() < limit)
    coppice::test::pause(std::chrono::milliseconds(1));
  CHECK(set.host.system.counters().abandoned_stacks == 1);
  CHECK(log.count("it is left where it is") == 1);
}
#endif
