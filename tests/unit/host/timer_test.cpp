// SPDX-License-Identifier: MIT
// Tests of a timer's options: which are refused, and the period. Repeating timers themselves are tested with
// the
// runtime.
#include "scripted.hpp"

using namespace coppice;
using namespace coppice::test;

TEST_CASE("a timer that cannot be right is refused, and its message consumed") {
  struct row {
    std::uint32_t size;
    std::int64_t period;
    const char* destination; // bytes; null: the actor itself
  };
  constexpr std::uint32_t size = sizeof(coppice_timer_options);
  const row rows[] = {
      {COPPICE_TIMER_OPTIONS_LEAST - 1, 0, nullptr},
      {0, 0, nullptr},
      {size, 1, nullptr},
      {size, 999'999, nullptr},
      {size, -1, nullptr},
      {size, INT64_MIN, nullptr},
      {size, 0, "x"},
  };
  stage set;
  play.call = [&](coppice_actor* self, const coppice_message*, coppice_bytes from) {
    const auto refused = [&](const coppice_timer_options* options) {
      const literal text("tick");
      coppice_message m{};
      REQUIRE(messages.retain(&text.raw, &m) == COPPICE_OK);
      std::uint64_t id = 1;
      CHECK(timers.start(self, options, &m, &id) == COPPICE_E_INVALID);
      CHECK(id == 0);
      CHECK(m.owner == nullptr);
    };
    for (const row& each : rows) {
      CAPTURE(each.size);
      CAPTURE(each.period);
      coppice_timer_options options{};
      options.size = each.size;
      options.period = each.period;
      if (each.destination != nullptr) options.destination = coppice_text(each.destination);
      refused(&options);
    }
    refused(nullptr);
    return answer(self, from, "done");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.call("go") == "done");
  set.send("last");
  CHECK(set.lines(2) == strings{"init #{}", "info last"});
}

TEST_CASE("a timer with a period fires until it is cancelled") {
  stage set;
  std::uint64_t id = 0;
  int ticks = 0;
  play.init = [&](coppice_actor* self) {
    literal tick("tick");
    coppice_timer_options options{};
    options.size = COPPICE_TIMER_OPTIONS_LEAST;
    options.deadline = timers.now();
    options.period = base::nanos_per_ms;
    CHECK(timers.start(self, &options, &tick.raw, &id) == COPPICE_OK);
    return COPPICE_OK;
  };
  play.info = [&](coppice_actor* self, const coppice_message* m) {
    if (++ticks < 5) return COPPICE_OK;
    std::int64_t left = -1;
    if (ticks > 5) return note("after " + shown(m)); // it was in the mailbox at the cancel
    CHECK(timers.remaining(self, id, &left) == COPPICE_OK);
    CHECK(left <= base::nanos_per_ms);
    CHECK(timers.cancel(self, id) == COPPICE_OK);
    CHECK(timers.cancel(self, id) == COPPICE_E_NOT_FOUND);
    CHECK(timers.remaining(self, id, &left) == COPPICE_E_NOT_FOUND);
    return note("cancelled");
  };
  REQUIRE(set.start() == "ok");
  CHECK(set.lines(1) == strings{"cancelled"});
}
