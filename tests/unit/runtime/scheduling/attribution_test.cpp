// SPDX-License-Identifier: MIT
// Whose processor time it was. Every handler here reads its thread's own clock of processor time, so what the
// runtime says is held against what was used, whatever else the machine does.
#include "runtime/attribution.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <memory>
#include <string>

#include "runtime/actor.hpp"
#include "runtime/processes/relations.hpp"
#include "runtime/scheduling/foreign_code.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr base::nanos us = 1000;
constexpr base::nanos ms = base::nanos_per_ms;
// Of a turn some µs lie outside of what the handler measures, and a sanitizer makes them more.
constexpr double near = base::sanitized ? 0.4 : 0.1;
// What a sanitizer adds to the measuring itself is as long as a turn of a microsecond.
constexpr double brief_at_most = base::sanitized ? 4 : 1 + near;

// Never inlined: a handler may go on on another thread after a wait.
[[gnu::noinline]] base::nanos own_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * base::nanos_per_second + now.tv_nsec;
}

// Uses so much processor time, and says how much it was.
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
  // Its last turn has ended, too.
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

base::nanos ran_in(const system& host, std::string_view actor, work_kind kind) {
  for (const class_work& one : work_by_class(host))
    if (one.plugin.empty() && one.actor == actor) return one.ran[static_cast<std::size_t>(kind)];
  return 0;
}

} // namespace

TEST_CASE("processor time goes to the processes that used it, in short turns and in long ones") {
  // One worker, so that their turns alternate. The short turns are measured one in some.
  node here(1, {.measures_every = 200 * us});
  const load tenth(here.host, "tenth", 40 * us, 7'500);
  const load third(here.host, "third", 250 * us, 3'600);
  const load most(here.host, "most", 50 * ms, 36);
  for (const load* one : {&tenth, &third, &most}) one->start();
  for (const load* one : {&tenth, &third, &most}) {
    REQUIRE(eventually([&] { return one->is_over(); }));
    CHECK(one->told() == doctest::Approx(one->used()).epsilon(near));
  }
  const double all = tenth.used() + third.used() + most.used();
  CHECK(static_cast<double>(ran_in(here.host, "scripted", work_kind::info)) ==
        doctest::Approx(all).epsilon(near));
}

// About a microsecond of work that needs no clock.
[[gnu::noinline]] void work_a_little() {
  static std::atomic<std::uint64_t> kept{1};
  std::uint64_t value = kept.load(std::memory_order_relaxed);
  for (int i = 0; i < 800; ++i) value = value * 6364136223846793005 + 1442695040888963407;
  kept.store(value, std::memory_order_relaxed);
}

TEST_CASE("turns of a microsecond are told as no less than their work, and no more than their thread used") {
  constexpr int turns = base::sanitized ? 100'000 : 500'000;
  constexpr int tries = 1000;
  struct seen {
    base::nanos work = 0; // of one turn
    base::nanos begun = 0;
    int left = turns;
    std::atomic<base::nanos> used{0}; // 0: it is not over
  };
  seen all;
  node here(1, {.measures_every = 200 * us, .turn_messages = 1});
  spawn_options options;
  options.name = "brief";
  const pid brief = here.host
                        .spawn(std::move(options), script([&all](process& self, const message&) {
                                 if (all.left == turns) {
                                   all.begun = own_time();
                                   for (int i = 0; i < tries; ++i) work_a_little();
                                   all.work = (own_time() - all.begun) / tries;
                                 }
                                 work_a_little();
                                 if (--all.left == 0)
                                   all.used = own_time() - all.begun;
                                 else
                                   self.send(self.self(), atom("again"));
                                 return carry_on();
                               }))
                        .value();
  here.host.send(brief, atom("begin"));
  REQUIRE(eventually(
      [&] { return all.used != 0 && here.host.info(brief)->summary.status == process_status::waiting; }));
  const auto told = static_cast<double>(here.host.info(brief)->summary.ran);
  CHECK(told > (1 - near) * static_cast<double>(all.work) * (turns + tries));
  CHECK(told < brief_at_most * static_cast<double>(all.used));
}

TEST_CASE(
    "a handler that waits in the middle is charged for what it did before and after, and for nothing else") {
  node here(1, {.measures_every = 200 * us});
  struct seen {
    std::array<std::atomic<base::nanos>, 2> used{};
    std::atomic<int> over{0};
  };
  seen all;
  std::array<pid, 2> ids;
  // Their work alternates, each piece in a turn of its own, while the other is parked in its handler.
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
  node here(1, {.measures_every = us}); // every turn
  const actor one(here.host);
  for (int i = 0; i < 10; ++i) one.settle();
  const auto counted = [&] {
    time_spread handled, waited;
    for (const class_work& seen : work_by_class(here.host))
      if (seen.actor == "scripted") handled = seen.handled, waited = seen.waited;
    return std::pair(handled, waited);
  };
  CHECK(eventually([&] { return counted().first.at_or_below.back() >= 1; }));
  const auto [handled, waited] = counted();
  CHECK(handled.sum > 0);
  CHECK(std::ranges::is_sorted(handled.at_or_below));
  CHECK(waited.at_or_below.back() <= handled.at_or_below.back());
}

TEST_CASE("processes that have hardly used any time get no memory for it") {
  node here(1, {.measures_every = us});
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
  std::uint64_t bare = UINT64_MAX, most = 0;
  int with_more = 0;
  for (const pid& one : all) bare = std::min(bare, here.host.info(one)->summary.memory);
  for (const pid& one : all) {
    most = std::max(most, here.host.info(one)->summary.memory);
    with_more += here.host.info(one)->summary.memory > bare ? 1 : 0;
  }
  CHECK(bare < sizeof(relations));
  // Each has used some µs, and one in 10 ms / that gets a record.
  CHECK(with_more < 200);
}

} // namespace coppice::runtime::testing
