// SPDX-License-Identifier: MIT
// Tests of host calls where they are not allowed: each is refused, and the log names the interface and the
// function, the caller, and the actor that the call is for.
#include "host/boundary/entry.hpp"

#include <thread>

#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;

namespace {

coppice_actor* kept = nullptr;

// Calls that are not marked [look]. None of them may have an effect.
using forbidden = std::int32_t (*)(coppice_actor* self);
struct named {
  const char* function;
  forbidden call;
};
constexpr named calls_beyond_looking[] = {
    {"coppice.actor/1's unlink",
     [](coppice_actor* self) { return actors.unlink(self, actors.self_borrowed(self)); }},
    {"coppice.actor/1's spawn_at",
     [](coppice_actor* self) {
       coppice_remote_spawn what{};
       what.size = sizeof what;
       coppice_message pid{};
       return actors.spawn_at(self, &what, &pid, nullptr);
     }},
    {"coppice.call/1's cancel", [](coppice_actor* self) { return calls.cancel(self, 1); }},
    {"coppice.timer/1's cancel", [](coppice_actor* self) { return timers.cancel(self, 1); }},
    {"coppice.work/1's yield", [](coppice_actor* self) { return host::work_interface()->yield(self); }},
    {"coppice.post/draft-1's open",
     [](coppice_actor* self) {
       coppice_post* handle = nullptr;
       return host::post_interface()->open(self, &handle);
     }},
    {"coppice.await/draft-1's await",
     [](coppice_actor* self) {
       coppice_message made{};
       return host::await_interface()->await(self, 1, &made);
     }},
    {"coppice.message/1's adopt",
     [](coppice_actor* self) {
       static constexpr std::uint8_t term[] = {106};
       coppice_message made{};
       return messages.adopt(
           self, term, sizeof term, [](void*) {}, nullptr, &made);
     }},
};

// Starts the actor. `kept` is its handle from then on.
void start_kept(stage& set) {
  play.call = [](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    kept = self;
    return answer(self, from, "kept");
  };
  REQUIRE(set.start() == "ok");
  REQUIRE(set.call("keep") == "kept");
}

} // namespace

TEST_CASE("the name of a function is told from its address") {
  for (const named& each : calls_beyond_looking) {
    CAPTURE(each.function);
    stage set;
    heard_log log;
    play.create = [&](coppice_actor* self) {
      CHECK(each.call(self) == COPPICE_E_CONTEXT);
      return COPPICE_OK;
    };
    const std::string heard = set.start();
    CHECK_MESSAGE(heard.find(std::string("its create called ") + each.function + ", ") != heard.npos, heard);
    CHECK(log.count(std::string("test: ") + each.function + " was called for actor scripted <0.") == 1);
    CHECK(log.count(" by create: that callback may only look") == 1);
  }
}

TEST_CASE("a call on a thread that runs no callback is refused and named") {
  stage set;
  start_kept(set);
  heard_log log;
  std::thread([] {
    CHECK(calls.cancel(kept, 1) == COPPICE_E_CONTEXT);
    CHECK(actors.self_borrowed(kept).size == 0); // a function marked [look] is refused, too
  }).join();
  CHECK(log.count("test: coppice.call/1's cancel was called for actor scripted") == 1);
  CHECK(log.count("by a thread that runs no callback: it does not have that actor's turn") == 1);
}

TEST_CASE("a call for another actor than the callback's is refused and named with both") {
  stage set;
  play.call = [](coppice_actor* self, const coppice_message* m, coppice_bytes from) {
    if (shown(m) == "keep") kept = self;
    CHECK((kept == self || calls.cancel(kept, 1) == COPPICE_E_CONTEXT));
    return answer(self, from, "done");
  };
  constexpr coppice_actor_type other = {
      sizeof(coppice_actor_type), 0, "other", "server", full_tables, nullptr};
  REQUIRE(set.start() == "ok");
  REQUIRE(set.start(other) == "ok");
  REQUIRE(set.call("keep") == "done");
  heard_log log;
  REQUIRE(set.host.call(runtime::destination::named("other"), "use") == "done");
  CHECK(log.count("coppice.call/1's cancel was called for actor scripted") == 1);
  CHECK(log.count(" by handle_call of <0.") == 1);
}

TEST_CASE("logging is for every thread, and says nothing of an actor whose turn it is not") {
  stage set;
  start_kept(set);
  heard_log log;
  host::log_interface()->write(kept, COPPICE_LOG_INFO, coppice_text("from outside"), nullptr, 0);
  CHECK(log.count("plugin: from outside") == 1);
  CHECK(log.count("was called for actor") == 0);
}

TEST_CASE("of a long text its beginning is logged, however long it is") {
  stage set;
  start_kept(set);
  for (const std::size_t size : {10'000, 65'536, 65'537, 1'000'000}) {
    heard_log log;
    const std::string text(size, 'x');
    const coppice_bytes raw{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    host::log_interface()->write(kept, COPPICE_LOG_INFO, raw, nullptr, 0);
    CHECK(log.count("plugin: " + std::string(base::log::most_bytes, 'x') + "… (" +
                    std::to_string(size - base::log::most_bytes) + " bytes left out)") == 1);
  }
}

TEST_CASE("a plugin that does it all the time fills no log") {
  stage set;
  heard_log log;
  play.create = [](coppice_actor* self) {
    for (int i = 0; i < 1000; ++i) CHECK(calls.cancel(self, 1) == COPPICE_E_CONTEXT);
    return COPPICE_OK;
  };
  CHECK(set.start() != "ok");
  CHECK(log.count("was called for actor") < 100);
}

TEST_CASE("one line a second, which says how many it stands for") {
  host::log_limit limit;
  constexpr base::nanos start = 5 * base::nanos_per_second;
  CHECK(limit.next_line(start) == 0u);
  CHECK_FALSE(limit.next_line(start + 1));
  CHECK_FALSE(limit.next_line(start + base::nanos_per_second - 1));
  CHECK(limit.next_line(start + base::nanos_per_second) == 2u);
  CHECK(limit.next_line(start + 2 * base::nanos_per_second) == 0u);
}
