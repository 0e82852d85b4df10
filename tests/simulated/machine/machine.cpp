// SPDX-License-Identifier: MIT
// See machine.hpp: the choice of the thread that runs, time, events, draws and the hash. A thread waits for
// the baton by the futex system call itself, so that no function of libc is in between.
#include "machine.hpp"

#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "hosts.hpp"
#include "processor.hpp"
#include "real.hpp"
#include "story.hpp"
#include "threads.hpp"

namespace coppice::simulated {
namespace {

[[gnu::tls_model("initial-exec")]] thread_local thread* self = nullptr;

struct due_event {
  nanos when;
  std::uint64_t order;
  std::function<void()> does;
};

struct later {
  bool operator()(const due_event& a, const due_event& b) const {
    return a.when != b.when ? a.when > b.when : a.order > b.order;
  }
};

struct heart {
  std::vector<std::unique_ptr<thread>> threads;
  std::vector<thread*> ready;
  std::vector<due_event> events; // a heap
  std::uint64_t event_order = 0;
  nanos now = begins_at;
  nanos next_due = never;
  thread* ended = nullptr; // has given the baton away and is about to end
  draws chance{0};
  draws chance_of_threads{0}; // apart from other draws, so that they do not follow from it
  draws chance_of_stops{0};   // apart from other draws, too
  std::uint64_t hash = 0xcbf29ce484222325;
  std::uint64_t switch_one_in = 8; // a point switches threads once in so many times
  std::uint64_t choices = 0;       // among several ready threads
  std::uint64_t points = 0;        // successive points at which the thread ran on
  std::uint64_t stop_one_in = 0;   // at a point a thread is stopped once in so many times; 0: never
  nanos most_cost = 300;           // the longest time that a point costs
  nanos tick = 1;                  // waits for something end at multiples of it, if by their deadline
  bool in_events = false;
  settings chosen;
  progress own;
  progress* shown = &own;
};

// The number of points in a row at which a thread runs on once the seed decides no more. The limit ends a
// loop that waits for another thread, and never for the machine.
constexpr std::uint64_t most_points = 1000;

heart& of_machine() {
  static heart* const one = new heart; // NOLINT: lives as long as the process
  return *one;
}

void futex_wait(std::atomic<unsigned>& word, unsigned seen) {
  kernel(SYS_futex, as_long(&word), FUTEX_WAIT_PRIVATE, seen);
}

void futex_wake(std::atomic<unsigned>& word) {
  kernel(SYS_futex, as_long(&word), FUTEX_WAKE_PRIVATE, 1);
}

// An ending thread runs code of libc until the kernel has removed it. No other thread may run before that.
void see_off(heart& all) {
  thread* const gone = std::exchange(all.ended, nullptr);
  if (gone == nullptr) return;
  while (kernel(SYS_tgkill, kernel(SYS_getpid), gone->system_number, 0) == 0) kernel(SYS_sched_yield);
}

void await_baton(thread& one) {
  while (one.baton.exchange(0, std::memory_order_acquire) == 0) futex_wait(one.baton, 0);
  see_off(of_machine());
}

void hand_baton(thread& to) {
  to.baton.store(1, std::memory_order_release);
  futex_wake(to.baton);
}

void make_ready(heart& all, thread& one, bool woken) {
  one.is = thread::state::ready;
  one.woken = woken;
  if (!woken) one.waits_on = nullptr; // freeze() needs it of a woken thread
  one.deadline = never;
  all.ready.push_back(&one);
}

// Whether the seed still decides which thread runs next.
bool decides(const heart& all) {
  return all.shown->changes < all.chosen.most_changes;
}

std::size_t one_of(heart& all, std::size_t count) {
  if (count == 1 || !decides(all)) return 0;
  ++all.shown->changes;
  return all.chance_of_threads.below(count);
}

void find_next_due(heart& all) {
  nanos next = all.events.empty() ? never : all.events.front().when;
  for (const auto& one : all.threads)
    if (one->is == thread::state::waiting) next = std::min(next, one->deadline);
  all.next_due = next;
}

void do_what_is_due(heart& all) {
  if (all.in_events) return;
  all.in_events = true;
  while (!all.events.empty() && all.events.front().when <= all.now) {
    std::ranges::pop_heap(all.events, later());
    const auto does = std::move(all.events.back().does);
    all.events.pop_back();
    does();
  }
  for (const auto& one : all.threads)
    if (one->is == thread::state::waiting && one->deadline <= all.now) make_ready(all, *one, false);
  find_next_due(all);
  all.in_events = false;
}

void pass_time(heart& all, nanos length) {
  all.now += length;
  all.shown->now = all.now;
  if (all.now >= all.next_due) do_what_is_due(all);
}

thread& choose(heart& all) {
  while (all.ready.empty()) {
    if (all.next_due == never) give_up("every thread waits and nothing is due\n" + describe_threads());
    all.now = std::max(all.now, all.next_due);
    do_what_is_due(all);
  }
  std::size_t at = one_of(all, all.ready.size());
  if (all.ready.size() > 1 && ++all.choices == all.chosen.spoiled.other_choice)
    at = (at + 1) % all.ready.size();
  thread* const chosen = all.ready[at];
  all.ready.erase(all.ready.begin() + static_cast<std::ptrdiff_t>(at));
  note("run", chosen->number, static_cast<std::uint64_t>(all.now));
  return *chosen;
}

// Whether the kernel takes the processor from the thread, for programs outside of this machine.
bool is_stopped(heart& all) {
  return all.stop_one_in != 0 && decides(all) && all.chance_of_stops.one_in(all.stop_one_in);
}

nanos length_of_stop(heart& all) {
  constexpr std::array most{100 * microsecond, millisecond, 20 * millisecond};
  return all.chance_of_stops.between(1, most[all.chance_of_stops.below(most.size())]);
}

// `from` is in the list of ready threads, or waits.
void switch_from(heart& all, thread& from) {
  thread& next = choose(all);
  ++all.shown->steps;
  all.shown->now = all.now;
  all.points = 0;
  if (&next == &from) return;
  hand_baton(next);
  await_baton(from);
}

} // namespace

thread* current() {
  return self;
}

void begin(const settings& chosen) {
  heart& all = of_machine();
  all.chosen = chosen;
  if (chosen.shown != nullptr) all.shown = chosen.shown;
  all.chance = draws(chosen.seed * 0x9e3779b97f4a7c15 + 0x1234567);
  all.chance_of_threads = draws(chosen.seed * 0xd1342543de82ef95 + 0x7654321);
  all.chance_of_stops = draws(chosen.seed * 0xbea225f9eb34556d + 0x2345678);
  if (all.chance_of_stops.one_in(3)) all.stop_one_in = 4000ULL << all.chance_of_stops.below(5);
  if (all.chance_of_stops.one_in(3))
    all.tick = std::array{millisecond, 10 * millisecond, 50 * millisecond}[all.chance_of_stops.below(3)];
  all.switch_one_in = 1ULL << draw_below(7);
  all.most_cost = 20 << draw_below(6);
  auto first = std::make_unique<thread>();
  first->real = pthread_self();
  first->system_number = static_cast<int>(kernel(SYS_gettid));
  self = first.get();
  all.threads.push_back(std::move(first));
  prepare_threads();
  prepare_processor();
}

thread& add_thread() {
  heart& all = of_machine();
  auto fresh = std::make_unique<thread>();
  fresh->number = static_cast<unsigned>(all.threads.size());
  fresh->host = self->in_once > 0 ? 0 : self->host;
  all.threads.push_back(std::move(fresh));
  return *all.threads.back();
}

thread* thread_at(std::size_t number) {
  const heart& all = of_machine();
  return number < all.threads.size() ? all.threads[number].get() : nullptr;
}

thread* find_thread(pthread_t real) {
  thread* found = nullptr;
  for (const auto& one : of_machine().threads)
    if (pthread_equal(one->real, real) != 0 && !one->joined && (found == nullptr || one->number != 0))
      found = one.get();
  return found;
}

void first_step_of(thread& fresh) {
  self = &fresh;
  fresh.system_number = static_cast<int>(kernel(SYS_gettid));
  fresh.arrived.store(1, std::memory_order_release);
  futex_wake(fresh.arrived);
  await_baton(fresh);
}

void await_arrival(thread& fresh) {
  while (fresh.arrived.load(std::memory_order_acquire) == 0) futex_wait(fresh.arrived, 0);
  make_ready(of_machine(), fresh, false);
}

void last_step_of(thread& one) {
  heart& all = of_machine();
  one.is = thread::state::over;
  one.joined = one.detached;
  wake_all(&one);
  thread& next = choose(all);
  all.ended = &one;
  self = nullptr;
  hand_baton(next);
}

void point() {
  if (self == nullptr) return;
  heart& all = of_machine();
  if (all.in_events) return;
  spend(all.chance_of_threads.between(1, all.most_cost));
  if (self->steady > 0) return;
  if (is_stopped(all)) {
    ++all.shown->changes;
    wait(nullptr, all.now + length_of_stop(all));
    return;
  }
  if (all.ready.empty()) return;
  if (decides(all)) {
    if (!all.chance_of_threads.one_in(all.switch_one_in)) return;
    ++all.shown->changes;
  } else if (++all.points < most_points) {
    return;
  }
  make_ready(all, *self, false);
  switch_from(all, *self);
}

void yield() {
  heart& all = of_machine();
  spend(all.chance_of_threads.between(1, all.most_cost));
  if (self->steady > 0) return;
  // It waits in a loop for a thread that does not run: a processor would go on with the rounds of the loop.
  if (all.ready.empty()) return spend(10 * microsecond);
  make_ready(all, *self, false);
  switch_from(all, *self);
}

bool wait(const void* on, nanos deadline) {
  heart& all = of_machine();
  if (all.in_events) give_up("an event of the machine waits");
  if (on != nullptr && deadline > all.now && deadline < never - all.tick)
    deadline = (deadline + all.tick - 1) / all.tick * all.tick;
  self->is = thread::state::waiting;
  self->waits_on = on;
  self->deadline = deadline;
  self->woken = false;
  all.next_due = std::min(all.next_due, deadline);
  if (deadline <= all.now) do_what_is_due(all);
  switch_from(all, *self);
  return self->woken;
}

bool wake_one(const void* on) {
  heart& all = of_machine();
  std::vector<thread*> found;
  for (const auto& one : all.threads)
    if (one->is == thread::state::waiting && one->waits_on == on) found.push_back(one.get());
  if (found.empty()) return false;
  make_ready(all, *found[one_of(all, found.size())], true);
  return true;
}

bool wake_all(const void* on) {
  heart& all = of_machine();
  bool any = false;
  for (const auto& one : all.threads) {
    if (one->is != thread::state::waiting || one->waits_on != on) continue;
    make_ready(all, *one, true);
    any = true;
  }
  return any;
}

void let_pass(nanos length) {
  wait(nullptr, now() + length);
}

void compute(nanos length) {
  for (nanos part = 0; length > 0; length -= part) {
    part = std::min(length, millisecond);
    spend(part);
    yield();
  }
}

nanos now() {
  return of_machine().now;
}

nanos wall_distance() {
  return 1'700'000'000 * second + host_at(self == nullptr ? 0 : self->host).wall_ahead;
}

void spend(nanos length) {
  self->ran += length;
  pass_time(of_machine(), length);
}

void at(nanos when, std::function<void()> does) {
  heart& all = of_machine();
  all.events.push_back({std::max(when, all.now), ++all.event_order, std::move(does)});
  std::ranges::push_heap(all.events, later());
  all.next_due = std::min(all.next_due, all.events.front().when);
}

std::uint64_t draws::next() {
  std::uint64_t value = at_ += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

std::uint64_t draws::below(std::uint64_t bound) {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
}

nanos draws::between(nanos least, nanos most) {
  return least + static_cast<nanos>(below(static_cast<std::uint64_t>(most - least) + 1));
}

std::uint64_t draw() {
  return of_machine().chance.next();
}

std::uint64_t draw_below(std::uint64_t bound) {
  return of_machine().chance.below(bound);
}

bool one_in(std::uint64_t bound) {
  return draw_below(bound) == 0;
}

nanos draw_between(nanos least, nanos most) {
  return of_machine().chance.between(least, most);
}

const disorder& spoiled() {
  return of_machine().chosen.spoiled;
}

bool reads_real_clock() {
  return ++of_machine().shown->clock_reads == spoiled().real_clock;
}

void note_bytes(std::string_view what, const void* bytes, std::size_t count) {
  heart& all = of_machine();
  const auto add = [&all](const void* from, std::size_t size) {
    const auto* at = static_cast<const unsigned char*>(from);
    for (std::size_t i = 0; i < size; ++i) all.hash = (all.hash ^ at[i]) * 0x100000001b3;
  };
  add(what.data(), what.size());
  add(bytes, count);
  if (all.chosen.trace)
    fmt::print(stderr, "{:>14} thread {} {}, {} bytes, hash {:016x}\n", all.now,
               self != nullptr ? self->number : 0, what, count, all.hash);
}

void note(std::string_view what, std::uint64_t first, std::uint64_t second_one) {
  heart& all = of_machine();
  for (const char letter : what) all.hash = (all.hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
  all.hash = (all.hash ^ first) * 0x9e3779b97f4a7c15;
  all.hash = (all.hash ^ second_one ^ (all.hash >> 32)) * 0x9e3779b97f4a7c15;
  if (all.chosen.trace)
    fmt::print(stderr, "{:>14} thread {} {} {} {}\n", all.now, self != nullptr ? self->number : 0, what,
               first, second_one);
}

std::uint64_t trace_hash() {
  return of_machine().hash;
}

std::uint64_t steps() {
  return of_machine().shown->steps;
}

bool freeze(unsigned host) {
  heart& all = of_machine();
  for (const auto& one : all.threads)
    if (one->host == host && one->holds > 0) return false;
  // A thread that was woken and has not run since never takes its turn. Another waiter is woken in its
  // place.
  std::vector<const void*> turns;
  for (const thread* const one : all.ready)
    if (one->host == host && one->woken && one->waits_on != nullptr) turns.push_back(one->waits_on);
  for (const auto& one : all.threads)
    if (one->host == host && one->is != thread::state::over) one->is = thread::state::frozen;
  std::erase_if(all.ready, [](const thread* one) { return one->is == thread::state::frozen; });
  for (const void* const turn : turns) wake_one(turn);
  find_next_due(all);
  return true;
}

std::string describe_threads() {
  std::string out;
  for (const auto& one : of_machine().threads) {
    static constexpr const char* names[] = {"ready", "waiting", "frozen", "over"};
    if (one->is == thread::state::over) continue;
    out += fmt::format("  thread {} of host {}: {}, deadline {}, holds {}\n", one->number, one->host,
                       names[static_cast<int>(one->is)], one->deadline, one->holds);
  }
  return out;
}

void tell_line(bool is_fault, std::string_view line) {
  const heart& all = of_machine();
  if (!all.chosen.story) return;
  std::array<char, 600> out;
  const auto made = fmt::format_to_n(out.data(), out.size(), "{} {} {} {}\n", is_fault ? "fault" : "story",
                                     all.now - begins_at, self == nullptr ? 0 : self->host, line);
  kernel(SYS_write, 2, as_long(out.data()), static_cast<long>(std::min(made.size, out.size())));
}

void give_up(const std::string& why) {
  const std::string line = fmt::format("hash {:016x}\nsimulated machine: {}\n", trace_hash(), why);
  kernel(SYS_write, 2, as_long(line.data()), static_cast<long>(line.size()));
  kernel(SYS_exit_group, 3);
  std::abort();
}

void not_simulated(const char* function) {
  give_up(fmt::format("{} is not simulated", function));
}

on_host::on_host(unsigned number) : before_(std::exchange(self->host, number)) {}

on_host::~on_host() {
  self->host = before_;
}

} // namespace coppice::simulated
