// SPDX-License-Identifier: MIT
// What a parked process waits for, as another process can ask it.
#include <future>

#include "runtime/actor.hpp"

namespace coppice::runtime::testing {
namespace {

using kind = waited_for::kind;
constexpr base::nanos long_time = 3600 * base::nanos_per_second;

// What `of` waits for, as soon as it waits for something. If it does not wait in time, the test fails.
waited_for wait_of(const actor& asker, const actor& of) {
  waited_for found;
  CHECK(eventually([&] {
    const auto told =
        asker.run([&](process& self) { return self.waited_for_by(of.id(), self.now() + long_time); });
    REQUIRE(told);
    found = *told;
    return found.what != kind::nothing;
  }));
  return found;
}

} // namespace

TEST_CASE("who waits for an answer says of whom, since when and for how long at most") {
  node here;
  const actor asker(here.host);
  const actor silent(here.host);
  const actor a(here.host);
  const base::nanos began = base::mono_now();
  const auto call = [&](const destination& to, base::nanos deadline) {
    a.start([to, deadline](process& self) {
      const reference ref = self.monitor(to, true);
      (void)self.await(ref, deadline);
    });
  };
  SUBCASE("by its pid") {
    a.start([to = silent.id(), began](process& self) { (void)self.call(to, number(1), began + long_time); });
    const waited_for told = wait_of(asker, a);
    CHECK(told.what == kind::answer);
    CHECK(told.whom == to_text(silent.id(), here.host.nodes()));
    CHECK(told.deadline == began + long_time);
    CHECK(told.since >= began - base::nanos_per_second);
    CHECK(told.since <= base::mono_now());
  }
  SUBCASE("by its name, without a deadline") {
    silent.run([](process& self) { return self.register_name("silent").has_value(); });
    call(destination::named("silent"), no_deadline);
    const waited_for told = wait_of(asker, a);
    CHECK(told.what == kind::answer);
    // Since the name was resolved, the monitor is of the pid.
    CHECK(told.whom == to_text(silent.id(), here.host.nodes()));
    CHECK(told.deadline == no_deadline);
  }
  here.host.exit(a.id(), reasons::kill());
}

TEST_CASE("who waits for room, or for work, says so") {
  node here;
  const actor asker(here.host);
  const actor a(here.host);
  std::promise<void> go_on;
  a.start([done = go_on.get_future().share()](process& self) {
    (void)self.blocking_run([done] { done.wait(); });
  });
  const waited_for work = wait_of(asker, a);
  CHECK(work.what == kind::work);
  CHECK(work.whom.empty());
  go_on.set_value();
  a.settle();

  spawn_options small;
  small.mailbox.messages = 1;
  const actor full(here.host, small);
  std::promise<void> hold;
  full.start([until = hold.get_future().share()](process& self) {
    (void)self.blocking_run([until] { until.wait(); });
  });
  wait_of(asker, full);
  a.start([to = full.id()](process& self) {
    for (int i = 0; i < 3; ++i) (void)self.send(to, number(i));
  });
  const waited_for room = wait_of(asker, a);
  CHECK(room.what == kind::room);
  CHECK(room.whom == to_text(full.id(), here.host.nodes()));
  hold.set_value();
  a.settle();
}

TEST_CASE("who waits for nothing says that, and who is gone nothing") {
  node here;
  const actor asker(here.host);
  const actor idle(here.host);
  const actor gone(here.host);
  gone.stop(atom("normal"));
  CHECK(eventually([&] { return !gone.alive(); }));
  const auto ask = [&](const actor& of, base::nanos how_long) {
    return asker.run([&](process& self) { return self.waited_for_by(of.id(), self.now() + how_long); });
  };
  const auto told = ask(idle, long_time);
  REQUIRE(told);
  CHECK(told->what == kind::nothing);
  CHECK_FALSE(ask(gone, base::nanos_per_ms));
}

} // namespace coppice::runtime::testing
