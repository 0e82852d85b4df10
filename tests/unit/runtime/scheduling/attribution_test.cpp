// SPDX-License-Identifier: MIT
// The processor time that the runtime attributes to processes and to kinds of work. Every handler here reads
// its thread's own clock of processor time, and the runtime's numbers are compared with that. So the results
// do not depend on what else the machine does.
#include "runtime/attribution.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/actor.hpp"
#include "runtime/processes/relations.hpp"
#include "runtime/scheduling/foreign_code.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr base::nanos us = 1000;
constexpr base::nanos ms = base::nanos_per_ms;
// A few µs of each turn lie outside of what the handler measures, and more with a sanitizer.
constexpr double near = base::sanitized ? 0.4 : 0.1;

// Never inlined: after a wait, a handler may continue on another thread.
[[gnu::noinline]] base::nanos own_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * base::nanos_per_second + now.tv_nsec;
}

// Uses at least `length` of processor time. Returns how much it used, in ns.
base::nanos spin(base::nanos length) {
  const base::nanos begun = own_time();
  base::nanos used = 0;
  while (used < length) used = own_time() - begun;
  return used;
}

// An actor that uses `length` of processor time in each of `turns` turns.
class load {
 public:
  load(system& host, std::string name, base::nanos length, int turns, bool foreign = false)
      : shared_(std::make_shared<shared>()), host_(host) {
    spawn_options options;
    options.name = std::move(name);
    auto step = [all = shared_, length, left = turns, foreign](process& self, message m) mutable {
      base::nanos used = 0;
      if (foreign) {
        const foreign_code outside(self, "handle_info", m.bytes());
        used = spin(length);
      } else {
        used = spin(length);
      }
      all->used += used;
      if (--left == 0)
        all->over = true;
      else
        self.send(self.self(), atom("again"));
      return carry_on();
    };
    id_ = host.spawn(std::move(options), script(std::move(step))).value();
  }

  void start() const { host_.send(id_, atom("begin")); }
  pid id() const { return id_; }
  // Whether its last turn has ended, too.
  bool is_over() const { return shared_->over && host_.info(id_)->summary.status == process_status::waiting; }
  double used() const { return static_cast<double>(shared_->used.load()); }
  double told() const { return static_cast<double>(host_.info(id_)->summary.ran); }

 private:
  struct shared {
    std::atomic<base::nanos> used{0};
    std::atomic<bool> over{false};
  };
  std::shared_ptr<shared> shared_;
  system& host_;
  pid id_;
};

// About 1 µs of work that reads no clock.
[[gnu::noinline]] void work_a_little() {
  static std::atomic<std::uint64_t> kept{1};
  std::uint64_t value = kept.load(std::memory_order_relaxed);
  for (int i = 0; i < 800; ++i) value = value * 6364136223846793005 + 1442695040888963407;
  kept.store(value, std::memory_order_relaxed);
}

// Threads that want all processors of the machine all the time, as other programs may. One of the threads
// goes through more memory than the inner caches hold. With a pause, the others pause for that long after
// each 50 µs, so that the kernel takes a processor often and for short times.
class crowd {
 public:
  explicit crowd(unsigned threads, std::chrono::microseconds pause = {}) {
    for (unsigned i = 1; i < threads; ++i)
      all_.emplace_back([this, pause] {
        while (!over_.load(std::memory_order_relaxed)) {
          for (int k = 0; k < 50; ++k) work_a_little();
          if (pause.count() != 0) test::pause(pause);
        }
      });
    if (threads == 0) return;
    all_.emplace_back([this, memory = std::vector<std::uint8_t>(std::size_t{8} << 20)]() mutable {
      while (!over_.load(std::memory_order_relaxed))
        for (std::size_t at = 0; at < memory.size(); at += 64) ++memory[at];
    });
  }
  ~crowd() {
    over_ = true;
    for (std::thread& one : all_) one.join();
  }
  crowd(const crowd&) = delete;
  crowd& operator=(const crowd&) = delete;

 private:
  std::atomic<bool> over_{false};
  std::vector<std::thread> all_;
};

// Three actors of one worker that use 10, 30 and 60 % of its time, in turns of 1 µs, 100 µs and 50 ms. Each
// actor sends to the next one after a number of turns, so only one of them is ready at any time.
class three_loads {
 public:
  explicit three_loads(system& host) : host_(host) {
    brief_ = add("brief", [this](process& self) { take_brief_turn(self); });
    medium_ = add("medium", [this](process& self) { take_medium_turn(self); });
    lengthy_ = add("lengthy", [this](process& self) { take_lengthy_turn(self); });
  }
  void run() {
    host_.send(brief_, atom("go"));
    REQUIRE(eventually([&] { return over_.load(); }));
    for (const pid& one : {brief_, medium_, lengthy_}) // their last turns have ended, too
      REQUIRE(eventually([&] { return host_.info(one)->summary.status == process_status::waiting; }));
  }
  double told(const pid& one) const { return static_cast<double>(host_.info(one)->summary.ran); }
  const pid& brief() const { return brief_; }
  const pid& medium() const { return medium_; }
  const pid& lengthy() const { return lengthy_; }

  // Processor time by the thread's own clock. The true time of the brief turns lies between brief_worked,
  // their work alone, and brief_used, which is all that the thread used from the first to the last turn of
  // each row.
  base::nanos brief_worked = 0, brief_used = 0;
  base::nanos medium_used = 0, lengthy_used = 0;

 private:
  static constexpr int rounds = base::sanitized ? 8 : 24;
  static constexpr int rows = 25;                            // in a round
  static constexpr int brief_turns = 330, medium_turns = 10; // in a row

  pid add(std::string name, std::function<void(process&)> turn) {
    spawn_options options;
    options.name = std::move(name);
    return host_
        .spawn(std::move(options), script([turn = std::move(turn)](process& self, const message&) {
                 turn(self);
                 return carry_on();
               }))
        .value();
  }

  // The least of several measurements, since the kernel may interrupt each of them.
  static base::nanos work_of_a_turn() {
    base::nanos least = ms;
    for (int i = 0; i < 20; ++i) {
      const base::nanos begun = own_time();
      for (int k = 0; k < tries; ++k) work_a_little();
      least = std::min(least, (own_time() - begun) / tries);
    }
    return least;
  }

  // The clock is read in the first and the last turn of a row. The work is timed in the very first turn.
  void take_brief_turn(process& self) {
    if (brief_left_ == brief_turns) row_began_ = own_time();
    if (work_ == 0) work_ = work_of_a_turn();
    work_a_little();
    brief_worked += work_;
    const bool is_last = --brief_left_ == 0;
    if (is_last) {
      brief_left_ = brief_turns;
      brief_used += own_time() - row_began_;
    }
    self.send(is_last ? medium_ : self.self(), atom("go"));
  }
  void take_medium_turn(process& self) {
    medium_used += spin(100 * us);
    const bool is_last = --medium_left_ == 0;
    if (is_last) medium_left_ = medium_turns;
    self.send(!is_last ? self.self() : ++rows_had_ % rows == 0 ? lengthy_ : brief_, atom("go"));
  }
  void take_lengthy_turn(process& self) {
    lengthy_used += spin(50 * ms);
    if (rows_had_ == rounds * rows)
      over_ = true;
    else
      self.send(brief_, atom("go"));
  }

  static constexpr int tries = 50;
  system& host_;
  pid brief_, medium_, lengthy_;
  base::nanos work_ = 0; // of one brief turn
  base::nanos row_began_ = 0;
  int brief_left_ = brief_turns, medium_left_ = medium_turns, rows_had_ = 0;
  std::atomic<bool> over_{false};
};

// An actor with turns of 1 us. After each row of them another actor goes through more memory than the inner
// caches hold.
class swept_load {
 public:
  explicit swept_load(system& host) : host_(host) {
    brief_ = add("swept", [this](process& self) { take_brief_turn(self); });
    sweeper_ = add("sweeper", [this](process& self) {
      for (std::size_t at = 0; at < memory_.size(); at += 64) ++memory_[at];
      self.send(brief_, atom("go"));
    });
  }
  void run() {
    host_.send(brief_, atom("go"));
    REQUIRE(eventually([&] { return over_.load(); }));
    REQUIRE(eventually([&] { return host_.info(brief_)->summary.status == process_status::waiting; }));
  }
  double told() const { return static_cast<double>(host_.info(brief_)->summary.ran); }
  // All that the thread used in the rows, by the thread's own clock.
  double used() const { return static_cast<double>(used_); }

 private:
  static constexpr int rows = base::sanitized ? 400 : 3000;
  static constexpr int turns = 200; // in a row

  pid add(std::string name, std::function<void(process&)> turn) {
    spawn_options options;
    options.name = std::move(name);
    return host_
        .spawn(std::move(options), script([turn = std::move(turn)](process& self, const message&) {
                 turn(self);
                 return carry_on();
               }))
        .value();
  }
  void take_brief_turn(process& self) {
    if (left_ == turns) row_began_ = own_time();
    work_a_little();
    const bool is_last = --left_ == 0;
    if (is_last) {
      left_ = turns;
      used_ += own_time() - row_began_;
      ++rows_had_;
    }
    if (rows_had_ == rows)
      over_ = true;
    else
      self.send(is_last ? sweeper_ : self.self(), atom("go"));
  }

  system& host_;
  pid brief_, sweeper_;
  std::vector<std::uint8_t> memory_ = std::vector<std::uint8_t>(std::size_t{4} << 20);
  base::nanos used_ = 0;
  base::nanos row_began_ = 0;
  int left_ = turns, rows_had_ = 0;
  std::atomic<bool> over_{false};
};

// Two actors that send one message to and fro, in turns that take less time than reading a clock should, and
// one actor that has a turn of 300 µs after some thousands of those turns.
class mixed_load {
 public:
  explicit mixed_load(system& host) : host_(host) {
    worker_ = add([this](process&) {
      if (told_first_ == 0) look_for_first();
      const base::nanos used = spin(turn_takes);
      if (told_first_ == 0) return;
      used_ += used;
      if (++turns_had_ == turns) over_ = true;
    });
    first_ = add([this](process& self) { self.send(second_, atom("go")); });
    second_ = add([this](process& self) {
      if (over_) return;
      if (++sent_ % 2'500 == 0) self.send(worker_, atom("work"));
      self.send(first_, atom("go"));
    });
  }
  void run() {
    host_.send(first_, atom("go"));
    REQUIRE(eventually([&] { return over_.load() && host_.counters().workers.at(0).sleeping; }));
  }
  // Of the turns from that on in which every turn of this actor is measured. Before it, a turn is drawn by
  // chance and counts for as many turns as it was drawn from, which is right on the average only.
  double told() const { return static_cast<double>(host_.info(worker_)->summary.ran - told_first_); }
  double used() const { return static_cast<double>(used_); }

 private:
  static constexpr int turns = base::sanitized ? 200 : 1000;
  static constexpr base::nanos turn_takes = 300 * us;

  // A turn begins. If the one before was charged once, the runtime knows that this actor's turns are long.
  void look_for_first() {
    const base::nanos told = host_.info(worker_)->summary.ran;
    const base::nanos charged = told - std::exchange(told_last_, told);
    if (charged > turn_takes / 2 && charged < 2 * turn_takes) told_first_ = told;
  }
  pid add(std::function<void(process&)> turn) {
    return host_
        .spawn({}, script([turn = std::move(turn)](process& self, const message&) {
                 turn(self);
                 return carry_on();
               }))
        .value();
  }

  system& host_;
  pid worker_, first_, second_;
  base::nanos used_ = 0;
  base::nanos told_first_ = 0; // what the actor was charged before the first turn that counts. 0: not yet
  base::nanos told_last_ = 0;  // at the beginning of the turn before
  int turns_had_ = 0;
  std::uint64_t sent_ = 0;
  std::atomic<bool> over_{false};
};

// The time of that actor class, summed over all kinds of work.
base::nanos ran_by(const system& host, std::string_view actor) {
  for (const class_work& one : work_by_class(host))
    if (one.plugin.empty() && one.actor == actor)
      return std::accumulate(one.ran.begin(), one.ran.end(), base::nanos{0});
  return 0;
}

} // namespace

TEST_CASE("10, 30 and 60 % of a core are told as what the kernel says, in turns of 1 us, 100 us and 50 ms") {
  unsigned others = 0;
  SUBCASE("on an idle machine") {}
  SUBCASE("on a machine where other programs want every core") {
    others = std::thread::hardware_concurrency() + 1;
  }
  CAPTURE(others);
  node here(1, {.turn_messages = 1});
  three_loads all(here.host);
  {
    const crowd busy(others);
    all.run();
  }
  CHECK(all.told(all.brief()) > (1 - near) * static_cast<double>(all.brief_worked));
  CHECK(all.told(all.brief()) < (1 + near) * static_cast<double>(all.brief_used));
  CHECK(all.told(all.medium()) == doctest::Approx(static_cast<double>(all.medium_used)).epsilon(near));
  CHECK(all.told(all.lengthy()) == doctest::Approx(static_cast<double>(all.lengthy_used)).epsilon(near));
  const double sum = all.told(all.brief()) + all.told(all.medium()) + all.told(all.lengthy());
  CHECK(static_cast<double>(ran_by(here.host, "scripted")) == doctest::Approx(sum).epsilon(0.01));
}

TEST_CASE("turns of 1 us do not pay for measuring that finds nothing of itself in the processor's caches") {
  node here(1, {.turn_messages = 1});
  swept_load one(here.host);
  one.run();
  CHECK(one.told() > 0.5 * one.used()); // used() also has what the worker does between turns
  CHECK(one.told() < (1 + near) * one.used());
}

TEST_CASE("a long turn in a thousand brief ones is told as what the kernel says") {
  unsigned others = 0;
  SUBCASE("on an idle machine") {}
  SUBCASE("on a machine where other programs want the cores again and again for a short time") {
    others = std::thread::hardware_concurrency() + 1;
  }
  CAPTURE(others);
  node here(1, {.turn_messages = 1});
  mixed_load one(here.host);
  {
    const crowd busy(others, std::chrono::microseconds(200));
    one.run();
  }
  CHECK(one.told() == doctest::Approx(one.used()).epsilon(near));
}

TEST_CASE(
    "a handler that waits in the middle is charged for what it did before and after, and for nothing else") {
  node here(1);
  struct seen {
    std::array<std::atomic<base::nanos>, 2> used{};
    std::atomic<int> over{0};
  };
  seen all;
  std::array<pid, 2> ids;
  // The two handlers work by turns: while one works, in a turn of its own, the other is parked.
  for (std::size_t i = 0; i < ids.size(); ++i) {
    spawn_options options;
    options.name = i == 0 ? "small" : "large";
    const base::nanos piece = i == 0 ? 3 * ms / 2 : 3 * ms;
    ids[i] = here.host
                 .spawn(std::move(options), script([&all, i, piece](process& self, const message&) {
                          for (int turn = 0; turn < 200; ++turn) {
                            all.used[i] += spin(piece);
                            self.yield();
                          }
                          ++all.over;
                          return carry_on();
                        }))
                 .value();
  }
  for (const pid& one : ids) here.host.send(one, atom("begin"));
  REQUIRE(eventually([&] { return all.over == 2 && here.host.counters().workers.at(0).sleeping; }));
  for (std::size_t i = 0; i < ids.size(); ++i)
    CHECK(static_cast<double>(here.host.info(ids[i])->summary.ran) ==
          doctest::Approx(static_cast<double>(all.used[i].load())).epsilon(near));
}

TEST_CASE("a handler whose thread has lost its worker is charged while it runs, and once when it returns") {
  node here(1, {.watchdog = 2 * ms});
  const load stuck(here.host, "stuck", 600 * ms, 1, true);
  stuck.start();
  REQUIRE(eventually([&] { return here.host.counters().stuck_threads == 1; }));
  base::nanos before = 0;
  CHECK(eventually([&] {
    const auto all = stuck_handlers(here.host);
    return all.empty() || (before = std::max(before, all.front().ran)) > 20 * ms;
  }));
  REQUIRE(eventually([&] { return stuck.is_over(); }));
  REQUIRE(eventually([&] { return here.host.counters().stuck_threads == 0; }));
  CHECK(eventually([&] { return stuck.told() > 0.9 * stuck.used(); }));
  CHECK(stuck.told() < 1.1 * stuck.used());
  CHECK(before <= static_cast<base::nanos>(1.1 * stuck.used()));
}

TEST_CASE("a handler that sleeps uses no processor time, however long it holds its worker") {
  node here(1);
  std::atomic<bool> over = false;
  spawn_options options;
  options.name = "sleeper";
  const pid sleeper = here.host
                          .spawn(std::move(options), script([&](process&, const message&) {
                                   test::pause(std::chrono::milliseconds(60));
                                   over = true;
                                   return carry_on();
                                 }))
                          .value();
  here.host.send(sleeper, atom("sleep"));
  REQUIRE(eventually([&] { return over.load() && here.host.counters().workers.at(0).sleeping; }));
  CHECK(here.host.info(sleeper)->summary.ran < 30 * ms);
}

TEST_CASE("what a message waits and what its handler takes are counted by class") {
  node here(1);
  const actor one(here.host);
  const auto counted = [&] {
    time_spread handled, waited;
    for (const class_work& seen : work_by_class(here.host))
      if (seen.actor == "scripted") handled = seen.handled, waited = seen.waited;
    return std::pair(handled, waited);
  };
  // Which messages are counted is random.
  CHECK(eventually([&] {
    one.settle();
    return counted().first.at_or_below.back() >= 1;
  }));
  const auto [handled, waited] = counted();
  CHECK(handled.sum > 0);
  CHECK(std::ranges::is_sorted(handled.at_or_below));
  CHECK(waited.at_or_below.back() <= handled.at_or_below.back());
}

TEST_CASE("processes that have hardly used any time get no memory for it") {
  node here(1);
  std::vector<pid> all;
  std::atomic<int> handled = 0;
  for (int i = 0; i < 2'000; ++i)
    all.push_back(here.host
                      .spawn({}, script([&](process&, const message&) {
                               ++handled;
                               return carry_on();
                             }))
                      .value());
  for (const pid& one : all) here.host.send(one, atom("hello"));
  REQUIRE(eventually([&] { return handled == 2'000; }));
  for (const pid& one : all) CHECK(here.host.info(one)->summary.memory < sizeof(relations));
}

} // namespace coppice::runtime::testing
