// SPDX-License-Identifier: MIT
// Processes that call each other in a circle: the log names the circle when the first deadline passes.
#include "heard_log.hpp"
#include "runtime/actor.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr base::nanos short_time = 100 * base::nanos_per_ms;
constexpr base::nanos long_time = 20 * base::nanos_per_second;

// Makes `of` call `to`. The called process does not answer, so the call ends when its deadline passes.
void start_call(const actor& of, const pid& to, base::nanos timeout) {
  of.start([to, timeout](process& self) { (void)self.call(to, number(1), self.now() + timeout); });
}

} // namespace

TEST_CASE("a circle of calls is named when the first deadline passes") {
  for (const unsigned workers : {1U, 2U}) {
    test::heard_log log;
    node here(workers);
    const actor a(here.host, {.name = "first", .worker = 0});
    const actor b(here.host, {.label = "app/sup/second", .worker = static_cast<int>(workers) - 1});
    const actor c(here.host, {.worker = 0});
    start_call(b, c.id(), long_time);
    start_call(c, a.id(), long_time);
    REQUIRE(eventually([&] { return b.parked() && c.parked(); }));
    start_call(a, b.id(), short_time);
    CHECK(eventually([&] { return log.count("calls in a circle") == 1; }));
    const auto named = [&](const actor& of, const char* word) {
      return to_text(of.id(), here.host.nodes()) + word;
    };
    CHECK(log.count(named(a, " first calls ") + named(b, " app/sup/second calls ") + named(c, " calls ") +
                    named(a, " first;")) == 1);
    for (const pid& one : {a.id(), b.id(), c.id()}) here.host.exit(one, reasons::kill());
  }
}

TEST_CASE("a deadline that passes without a circle is none in the log") {
  test::heard_log log;
  node here;
  const actor idle(here.host);
  const actor a(here.host);
  const actor b(here.host);
  start_call(b, idle.id(), 5 * short_time);
  start_call(a, b.id(), short_time / 10);
  a.settle();
  b.settle();
  CHECK(log.count("circle") == 0);
}

} // namespace coppice::runtime::testing
