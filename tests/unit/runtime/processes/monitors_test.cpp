// SPDX-License-Identifier: MIT
// Monitors and names: which process is told of an end, by pid and by name; and that a name is free before the
// links are told.
#include <future>
#include <memory>
#include <thread>

#include "held_clock.hpp"
#include "runtime/actor.hpp"

namespace coppice::runtime::testing {

TEST_CASE("a monitor fires once with the exit reason") {
  node here;
  const actor watcher(here.host);
  const actor watched(here.host);
  const reference ref = watcher.run([&](process& self) { return self.monitor(watched.id()); });
  watched.settle();
  CHECK(here.host.info(watched.id())->monitored_by == std::vector<pid>{watcher.id()});
  watched.stop(atom("why"));
  CHECK(watcher.next() == down_message(ref, watched.id(), atom("why"), here.host.nodes()));
  CHECK(here.host.info(watcher.id())->monitors.empty());
}

TEST_CASE("a monitor of a dead pid, or of a name nobody has, fires with noproc") {
  node here;
  const actor gone(here.host);
  gone.stop(atom("normal"));
  REQUIRE(eventually([&] { return !gone.alive(); }));
  const actor watcher(here.host);
  const reference ref = watcher.run([&](process& self) { return self.monitor(gone.id()); });
  CHECK(watcher.next() == down_message(ref, gone.id(), atom("noproc"), here.host.nodes()));
  const auto nobody = destination::named("nobody");
  const reference by_name = watcher.run([&](process& self) { return self.monitor(nobody); });
  CHECK(watcher.next() == down_message(by_name, nobody, atom("noproc"), here.host.nodes()));
}

TEST_CASE("a monitor by name names the name when it fires") {
  node here;
  const actor watcher(here.host);
  const actor watched(here.host, {.name = "watched"});
  const auto name = destination::named("watched");
  const reference ref = watcher.run([&](process& self) { return self.monitor(name); });
  watched.settle();
  watched.stop(atom("why"));
  CHECK(watcher.next() == down_message(ref, name, atom("why"), here.host.nodes()));
}

TEST_CASE("after demonitor nothing fires, and flush takes back what has") {
  node here;
  const actor watcher(here.host, {.worker = 0}); // holds its worker's thread until `watched` is dead
  const actor watched(here.host, {.worker = 1});
  CHECK(watcher.run([&](process& self) {
    const reference ref = self.monitor(watched.id());
    return self.demonitor(ref) && !self.demonitor(ref);
  }));
  watcher.run([&](process& self) {
    const reference ref = self.monitor(watched.id());
    self.exit(watched.id(), atom("kill"));
    CHECK(eventually([&] { return !self.host().alive(watched.id()); }));
    self.demonitor(ref, true);
    return 0;
  });
  watcher.settle();
  CHECK(watcher.waiting() == 0);
}

TEST_CASE("several monitors of one process each fire") {
  node here;
  const actor watcher(here.host);
  const actor watched(here.host);
  watcher.run([&](process& self) {
    for (int i = 0; i < 5; ++i) self.monitor(watched.id());
    return 0;
  });
  watched.stop(atom("x"));
  for (int i = 0; i < 5; ++i) watcher.next();
  watcher.settle();
  CHECK(watcher.waiting() == 0);
}

TEST_CASE("without a way out, monitors and links of other nodes end with noconnection") {
  node here;
  const std::uint32_t there = here.host.nodes().intern("far@away").value();
  const pid far{there, 9, 1, 1};
  const actor a(here.host);
  const reference ref = a.run([&](process& self) {
    self.trap_exit(true);
    return self.monitor(far);
  });
  CHECK(a.next() == down_message(ref, far, atom("noconnection"), here.host.nodes()));
  a.run([&](process& self) { return self.link(far), 0; });
  CHECK(a.next() == exit_message(far, atom("noconnection"), here.host.nodes()));
  const auto name = destination::remote("server", there);
  const reference by_name = a.run([&](process& self) { return self.monitor(name); });
  CHECK(a.next() == down_message(by_name, name, atom("noconnection"), here.host.nodes()));
}

TEST_CASE("one name a process and one process a name") {
  node here;
  const actor a(here.host);
  const actor b(here.host);
  CHECK(a.run([](process& self) { return self.register_name("a").has_value(); }));
  CHECK_FALSE(a.run([](process& self) { return self.register_name("again").has_value(); }));
  CHECK_FALSE(b.run([](process& self) { return self.register_name("a").has_value(); }));
  CHECK_FALSE(b.run([](process& self) { return self.register_name("undefined").has_value(); }));
  CHECK(here.host.whereis("a") == a.id());
  CHECK(here.host.registered().size() == 1);
  here.host.send(destination::named("a"), atom("hello"));
  CHECK(is_atom(a.next(), "hello"));
  CHECK(a.run([](process& self) { return self.unregister().has_value(); }));
  CHECK(b.run([](process& self) { return self.register_name("a").has_value(); }));
  CHECK(here.host.whereis("a") == b.id());
}

TEST_CASE("a spawn under a taken name fails and leaves nothing behind") {
  node here;
  const actor first(here.host, {.name = "only"});
  const auto second = here.host.spawn({.name = "only"}, script({}));
  REQUIRE_FALSE(second);
  CHECK(second.error().code == base::errc::exists);
  CHECK(here.host.counters().processes == 1);
}

TEST_CASE("a node that stops frees what a spawn under a taken name made") {
  auto held = std::make_shared<int>();
  const std::weak_ptr<int> left = held;
  {
    node here(2);
    const actor first(here.host, {.name = "only", .worker = 0});
    std::promise<void> busy;
    // Worker 1 is in a task meanwhile, so that it sees the unborn process and the order to stop at the same
    // time.
    REQUIRE(here.host.post(1, [&] {
      busy.set_value();
      coppice::test::pause(std::chrono::milliseconds(100));
    }));
    busy.get_future().wait();
    CHECK_FALSE(
        here.host.spawn({.name = "only", .worker = 1},
                        script([held = std::move(held)](process&, const message&) { return carry_on(); })));
  }
  CHECK(left.expired());
}

TEST_CASE("the name is free when the links hear of the death") {
  node here;
  for (int round = 0; round < 100; ++round) {
    const actor named(here.host, {.name = "phoenix"});
    const actor heir(here.host);
    heir.run([&](process& self) {
      self.trap_exit(true);
      self.link(named.id());
      return 0;
    });
    named.settle();
    named.stop(atom("boom"));
    heir.next();
    CHECK(heir.run([](process& self) { return self.register_name("phoenix").has_value(); }));
    heir.stop(atom("normal"));
    REQUIRE(eventually([&] { return !here.host.whereis("phoenix"); }));
  }
}

} // namespace coppice::runtime::testing
