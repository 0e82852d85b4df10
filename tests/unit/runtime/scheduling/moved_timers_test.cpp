// SPDX-License-Identifier: MIT
// Timers of processes that move between workers: the timers move with their process, keep their ids, and fire
// as if the process had not moved.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "runtime/actor.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr base::nanos ms = base::nanos_per_ms;
constexpr base::nanos hour = 3600 * base::nanos_per_second;

// Keeps worker 1 busy, so that it takes no process from worker 0, until let_go().
class busy_worker {
 public:
  explicit busy_worker(system& host) : keeper_(host, {.worker = 1}) {
    REQUIRE(eventually([&] { return host.counters().workers[1].sleeping; })); // idle, it would take some
    std::promise<void> begun;
    keeper_.start([&](process&) {
      begun.set_value();
      over_.get_future().wait();
    });
    begun.get_future().wait();
  }
  void let_go() {
    over_.set_value();
    keeper_.settle();
  }

 private:
  actor keeper_;
  std::promise<void> over_;
};

// One process that begins on worker 0 and moves, and two that stay, one on each worker.
struct pair_of_workers {
  node here{2};
  actor first{here.host, {.worker = 0}};
  actor second{here.host, {.worker = 1}};

  // The test's thread spawns the actor's process, so its worker is random; tests first move it to worker 0.
  actor traveller{here.host};

  unsigned place() const { return here.host.info(traveller.id())->summary.worker; }
  std::uint64_t armed(std::size_t worker) const { return here.host.counters().workers[worker].timers; }
  // A process whose worker sleeps moves to the worker of the process that sends to it.
  void move_to(unsigned worker) {
    const actor& there = worker == 0 ? first : second;
    REQUIRE(eventually([&] {
      if (place() == worker) return true;
      if (!here.host.counters().workers[1 - worker].sleeping) return false;
      there.run([&](process& self) { return self.send(traveller.id(), atom("come")); });
      (void)traveller.next();
      return place() == worker;
    }));
  }
};

} // namespace

TEST_CASE_FIXTURE(pair_of_workers, "a process takes its timers along") {
  move_to(0);
  constexpr int count = 20;
  const std::uint64_t before = armed(0) + armed(1);
  traveller.run([](process& self) {
    for (int i = 0; i < count; ++i) self.start_timer(self.now() + hour, self.self(), atom("never"));
    return 0;
  });
  CHECK(armed(0) >= count);
  move_to(1);
  CHECK(armed(0) + armed(1) == before + count);
  CHECK(armed(1) >= count);
  here.host.exit(traveller.id(), atom("kill"));
  CHECK(eventually([&] { return armed(0) + armed(1) == before; }));
}

TEST_CASE_FIXTURE(pair_of_workers, "after a move timers are cancelled and looked at by the ids they had") {
  move_to(0);
  std::vector<std::uint64_t> ids;
  const auto start = [&](process& self) {
    for (int i = 0; i < 10; ++i)
      ids.push_back(self.start_timer(self.now() + hour + i * ms, self.self(), atom("never")));
    return 0;
  };
  for (const unsigned next : {1U, 0U, 1U}) {
    traveller.run(start);
    move_to(next);
  }
  CHECK(std::ranges::is_sorted(ids)); // of two timers of one process, the one started later has the higher id
  CHECK(std::set<std::uint64_t>(ids.begin(), ids.end()).size() == ids.size());
  traveller.run([&](process& self) {
    for (const std::uint64_t id : ids) {
      CHECK(self.remaining(id) > hour / 2);
      CHECK(self.cancel_timer(id) > hour / 2);
      CHECK(self.cancel_timer(id) == -1);
      CHECK(self.remaining(id) == -1);
    }
    return 0;
  });
  CHECK(first.run([&](process& self) { return self.cancel_timer(ids.front()); }) == -1);
}

TEST_CASE_FIXTURE(pair_of_workers,
                  "moved timers fire once each, in the order of their deadlines, none early") {
  move_to(0);
  std::atomic<base::nanos> deadline{0};
  traveller.run([&](process& self) {
    deadline = self.now() + 50 * ms;
    for (const int i : {3, 1, 2}) self.start_timer(deadline + i * ms, self.self(), number(10 * i));
    for (int i = 1; i <= 20; ++i) self.start_timer(deadline, self.self(), number(i - 20)); // all at once
    self.cancel_timer(self.start_timer(deadline, self.self(), number(99)));
    return 0;
  });
  move_to(1);
  traveller.run([&](process& self) {
    self.start_timer(deadline, self.self(), number(1)); // fires after the others of the same deadline
    self.start_timer(deadline + 4 * ms, self.self(), number(40));
    return 0;
  });
  for (std::int64_t i = -19; i <= 1; ++i) CHECK(value_of(traveller.next()) == i);
  CHECK(base::mono_now() >= deadline);
  for (const std::int64_t i : {10, 20, 30, 40}) CHECK(value_of(traveller.next()) == i);
  CHECK(base::mono_now() >= deadline + 4 * ms);
  traveller.settle();
  CHECK(traveller.waiting() == 0);
}

TEST_CASE_FIXTURE(pair_of_workers, "a timer that repeats goes on at its times when its process moves") {
  constexpr base::nanos period = ms + 234'567;
  const auto next_tick = [this] { CHECK(is_atom(first.next(), "tick")); };
  move_to(0);
  const base::nanos start = base::mono_now() + period;
  const std::uint64_t id =
      traveller.run([&](process& self) { return self.start_timer(start, first.id(), atom("tick"), period); });
  for (const unsigned place : {1U, 0U, 1U}) {
    next_tick();
    move_to(place);
    CHECK(armed(place) >= 1);
    const std::size_t come = first.waiting();
    CHECK(eventually([&] { return first.waiting() >= come + 3; }));
    const auto [before, left, after] = traveller.run([&](process& self) {
      const base::nanos then = base::mono_now();
      const base::nanos rest = self.remaining(id);
      return std::tuple(then, rest, base::mono_now());
    });
    const base::nanos next = start + (after + left - start) / period * period;
    CHECK((left == 0 || next >= before + left));
  }
  CHECK(traveller.run([&](process& self) { return self.cancel_timer(id); }) >= 0);
  CHECK(traveller.run([&](process& self) { return self.cancel_timer(id); }) == -1);
}

TEST_CASE("200 busy actors that one has spawned, each with a heartbeat, end up on both workers") {
  constexpr std::size_t many = 200;
  constexpr base::nanos beat = 5 * ms;
  std::atomic<bool> done{false};
  std::atomic<bool> early{false};
  std::array<std::atomic<int>, many> beats{};
  std::atomic<std::size_t> armed{0};
  node here(2);
  busy_worker other(here.host);
  const actor parent(here.host, {.worker = 0});
  parent.run([&](process& self) {
    for (std::size_t i = 0; i < many; ++i) {
      const auto due = std::make_shared<base::nanos>(0);
      const auto arm = [due](process& own) {
        *due = own.now() + beat;
        own.start_timer(*due, own.self(), atom("beat"));
      };
      REQUIRE(self.spawn({}, script(
                                 [&, i, due, arm](process& own, message m) {
                                   if (done) return stop(atom("normal"));
                                   if (!is_atom(m, "beat"))
                                     return own.send(own.self(), std::move(m)), carry_on();
                                   if (base::mono_now() < *due) early = true;
                                   ++beats[i];
                                   return arm(own), carry_on();
                                 },
                                 [&, arm](process& own) {
                                   arm(own);
                                   own.send(own.self(), atom("work"));
                                   ++armed;
                                   return carry_on();
                                 })));
    }
    return 0;
  });
  REQUIRE(eventually([&] { return armed == many; }));
  CHECK(here.host.counters().workers[0].processes == many + 1);
  other.let_go();
  const auto has = [&](std::size_t worker) { return here.host.counters().workers[worker].processes; };
  CHECK(eventually([&] { return has(0) >= many / 4 && has(1) >= many / 4; }));
  CHECK(eventually([&] { return std::ranges::all_of(beats, [](const auto& b) { return b >= 3; }); }));
  CHECK_FALSE(early);
  done = true;
  CHECK(eventually([&] { return here.host.counters().processes == 2; }));
}

// Each actor starts batches of timers at random, cancels some, and is moved all the time: while a timer runs,
// while a timer is due, and in the turn that cancels one.
TEST_CASE("under a backlog that is shared no timer is lost, early, out of order, or heard of after its end") {
  constexpr std::size_t actors = 24;
  constexpr int batches = base::sanitized ? 20 : 80;
  std::atomic<int> early{0}, disordered{0}, unknown{0}, kept{0}, moves{0}, ended{0};
  std::atomic<std::size_t> armed{0};
  struct life : behaviour {
    explicit life(std::uint32_t seed) : random(seed) {}
    outcome init(process& self) override { return batch(self), ++*armed_, carry_on(); }
    outcome receive(process& self, message m) override {
      note_place(self);
      const std::int64_t key = value_of(m);
      const auto found = running.find(key);
      if (found == running.end()) return ++*unknown_, carry_on();
      if (base::mono_now() < found->second.deadline) ++*early_;
      if (std::ranges::any_of(running, [&](const auto& other) {
            return std::pair(other.second.deadline, other.first) < std::pair(found->second.deadline, key);
          }))
        ++*disordered_;
      running.erase(found);
      const auto until = base::mono_now() + 1000 * static_cast<base::nanos>(random() % 200);
      while (base::mono_now() < until) {
      }
      if (random() % 4 == 0) self.yield();
      if (random() % 3 == 0) cancel_one(self);
      if (running.empty()) batch(self);
      return left == 0 && running.empty() ? stop(atom("normal")) : carry_on();
    }
    void terminate(process&, const message&) override { ++*ended_; }
    void describe(description& out) const override { out.behaviour = "life"; }

    void batch(process& self) {
      while (running.empty() && left > 0) {
        --left;
        const base::nanos now = self.now();
        for (std::uint32_t i = 0; i < 1 + random() % 6; ++i) {
          const base::nanos deadline = now + 1000 * static_cast<base::nanos>(random() % 3000);
          const std::uint64_t id = self.start_timer(deadline, self.self(), number(++last));
          running[last] = {deadline, id};
        }
        cancel_one(self);
      }
    }
    void cancel_one(process& self) {
      if (running.empty()) return;
      const auto one = std::next(running.begin(), static_cast<std::ptrdiff_t>(random() % running.size()));
      if (self.remaining(one->second.id) < 0) return; // it has fired
      if (self.cancel_timer(one->second.id) < 0) ++*kept_;
      running.erase(one);
    }
    void note_place(process& self) {
      if (std::exchange(place, self.host().current_worker()) != self.host().current_worker()) ++*moves_;
    }

    struct started {
      base::nanos deadline;
      std::uint64_t id;
    };
    std::mt19937 random;
    std::map<std::int64_t, started> running;
    std::int64_t last = 0;
    int left = batches;
    int place = 0;
    std::atomic<std::size_t>* armed_ = nullptr;
    std::atomic<int>*early_, *disordered_, *unknown_, *kept_, *moves_, *ended_;
  };
  node here(2);
  busy_worker other(here.host);
  const actor parent(here.host, {.worker = 0});
  parent.run([&](process& self) {
    for (std::size_t i = 0; i < actors; ++i) {
      auto made = std::make_unique<life>(static_cast<std::uint32_t>(i));
      made->early_ = &early, made->disordered_ = &disordered, made->unknown_ = &unknown;
      made->kept_ = &kept, made->moves_ = &moves, made->ended_ = &ended;
      made->armed_ = &armed;
      REQUIRE(self.spawn({}, std::move(made)));
    }
    return 0;
  });
  REQUIRE(eventually([&] { return armed == actors; }));
  other.let_go();
  CHECK(eventually([&] { return ended == actors; }));
  CHECK(early == 0);
  CHECK(disordered == 0);
  CHECK(unknown == 0);
  CHECK(kept == 0);
  CHECK(moves > 0);
}

} // namespace coppice::runtime::testing
