// SPDX-License-Identifier: MIT
// The search of the model checker; see interleavings.hpp. A thread that reaches an operation chooses which
// thread continues, itself or another, and switches to it. The first part of a run follows the path so far.
// After its end, each step takes the first choice and makes the path longer.
#include "runtime/structures/interleavings.hpp"

#include <bit>
#include <cstdlib>
#include <map>
#include <utility>

#include "runtime/scheduling/fiber_switch.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr std::size_t stack_bytes = std::size_t{128} << 10;

// Thrown by expect() in a scenario's end().
struct broken_promise {
  std::string what;
};

constexpr std::uint32_t bit(unsigned who) {
  return std::uint32_t{1} << who;
}

} // namespace

void run::thread(std::string name, std::function<void()> body) {
  interleavings& all = of_;
  if (all.count_ == interleavings::drains) std::abort();
  if (all.count_ == all.threads_.size()) all.threads_.push_back(std::make_unique<interleavings::thread>());
  interleavings::thread& one = *all.threads_[all.count_++];
  one.name = std::move(name);
  one.body = std::move(body);
  one.next = {};
  one.stores.clear();
  one.paused_at = UINT64_MAX;
  one.over = false;
}

void interleavings::entry(void* self) {
  auto& all = *static_cast<interleavings*>(self);
  for (;;) {
    thread& mine = *all.threads_[all.now_];
    mine.body();
    mine.over = true;
    all.starting_ ? mine.stack->switch_to(*all.main_) : all.go_on();
  }
}

verdict interleavings::explore_all(const std::function<void(run&)>& begin, const std::function<void()>& end) {
  verdict found;
  main_ = fiber::of_thread();
  do {
    run_once(begin, end);
    ++(pruned_ ? found.pruned : found.schedules);
    found.failure = failure_;
    if (found.fails() || found.schedules + found.pruned == how_.most) return found;
  } while (backtrack());
  found.complete = true;
  return found;
}

void interleavings::run_once(const std::function<void(run&)>& begin, const std::function<void()>& end) {
  depth_ = 0;
  count_ = 0;
  asleep_next_ = 0;
  writes_ = 0;
  pruned_ = ending_ = false;
  steps_.clear();
  run fresh(*this);
  begin(fresh);
  here_ = this;
  starting_ = true;
  for (now_ = 0; now_ < count_; ++now_) start(*threads_[now_]);
  starting_ = false;
  now_ = nobody;
  unsigned first = 0;
  if (failure_.empty() && choose(first)) {
    now_ = first;
    main_->switch_to(*threads_[first]->stack);
  }
  here_ = nullptr;
  for (std::size_t i = 0; i < count_; ++i)
    if (!threads_[i]->over) threads_[i]->stack.reset(); // it failed, and is cut off where it is
  if (failure_.empty()) {
    try {
      end();
    } catch (const broken_promise& which) {
      failure_ = which.what + schedule();
    }
  }
}

// Runs the thread up to its first operation.
void interleavings::start(thread& one) {
  if (one.stack == nullptr)
    one.stack = std::move(fiber::make(stack_bytes, &interleavings::entry, this).value());
  main_->switch_to(*one.stack);
}

void interleavings::before(const operation& next) {
  thread& mine = *threads_[now_];
  mine.next = next;
  starting_ ? mine.stack->switch_to(*main_) : go_on();
}

void interleavings::go_on() {
  fiber& from = *threads_[now_]->stack;
  unsigned to = 0;
  const bool goes_on = choose(to);
  if (goes_on && to == now_) return;
  if (goes_on) now_ = to;
  from.switch_to(goes_on ? *threads_[to]->stack : *main_);
}

// False: the run is over.
bool interleavings::choose(unsigned& who) {
  for (;;) {
    if (steps_.size() > longest) return failure_ = "the threads go on for ever" + schedule(), false;
    const std::uint32_t can = enabled();
    if (can == 0) break;
    if (!pruned_ && depth_ == path_.size()) pruned_ = !lengthen(can);
    who = pruned_ ? static_cast<unsigned>(std::countr_zero(can)) : follow_path(can);
    if (who < drains) return true;
    drain_one(who - drains);
  }
  for (std::size_t i = 0; i < count_; ++i) {
    if (threads_[i]->over) continue;
    if (!threads_[i]->next.may_stay)
      return failure_ = threads_[i]->name + " waits for ever" + schedule(), false;
    ending_ = true; // the threads that may stay return
    return who = static_cast<unsigned>(i), true;
  }
  return false;
}

unsigned interleavings::follow_path(std::uint32_t can) {
  const node& at = path_[depth_++];
  if ((can & bit(at.chosen)) == 0) std::abort(); // the scenario is not the same each time
  if (depth_ != path_.size()) return at.chosen;
  asleep_next_ = 0;
  for (unsigned i = 0; how_.preemptions < 0 && i < 2 * drains; ++i)
    if ((at.asleep & bit(i)) != 0 && independent(i, at.chosen)) asleep_next_ |= bit(i);
  return at.chosen;
}

// False: everything that can be done now was explored in another order. The run is then only brought to its
// end, so that its stacks are free. Prefers the thread that ran last.
bool interleavings::lengthen(std::uint32_t can) {
  node next{.enabled = can, .asleep = asleep_next_};
  if (!path_.empty()) {
    const node& before = path_.back();
    next.last = before.chosen < drains ? before.chosen : before.last;
    next.preempted = before.preempted + (interrupts(before, before.chosen) ? 1 : 0);
  }
  const std::uint32_t left = can & ~next.asleep;
  if (left == 0) return false;
  const bool same = next.last != nobody && (left & bit(next.last)) != 0;
  next.chosen = same ? next.last : static_cast<unsigned>(std::countr_zero(left));
  path_.push_back(next);
  return true;
}

bool interleavings::backtrack() {
  for (; !path_.empty(); path_.pop_back()) {
    node& last = path_.back();
    last.asleep |= bit(last.chosen);
    for (unsigned i = 0; i < 2 * drains; ++i) {
      if ((last.enabled & ~last.asleep & bit(i)) == 0 || !affordable(last, i)) continue;
      last.chosen = i;
      return true;
    }
  }
  return false;
}

// Whether choosing `who` interrupts a thread that could continue.
bool interleavings::interrupts(const node& at, unsigned who) {
  return who < drains && at.last != nobody && who != at.last && (at.enabled & bit(at.last)) != 0;
}

bool interleavings::affordable(const node& at, unsigned who) const {
  return how_.preemptions < 0 || at.preempted < how_.preemptions || !interrupts(at, who);
}

std::uint32_t interleavings::enabled() const {
  std::uint32_t can = 0;
  for (unsigned i = 0; i < count_; ++i) {
    if (can_go(*threads_[i])) can |= bit(i);
    if (!threads_[i]->stores.empty()) can |= bit(drains + i);
  }
  return can;
}

bool interleavings::can_go(const thread& one) const {
  if (one.over || ending_ || (one.next.drained && !one.stores.empty())) return false;
  return one.next.can == nullptr || (*one.next.can)();
}

interleavings::operation interleavings::operation_of(unsigned who) const {
  if (who < drains) return threads_[who]->next;
  return {.name = "drain", .at = threads_[who - drains]->stores.front().at, .writes = true};
}

bool interleavings::writes(const operation& next) {
  return next.fails == nullptr ? next.writes : !(*next.fails)();
}

bool interleavings::independent(unsigned one, unsigned other) const {
  if (one % drains == other % drains) return false;
  const operation a = operation_of(one);
  const operation b = operation_of(other);
  // The contents of buffers matter, too.
  if ((a.anywhere && a.writes) || (b.anywhere && b.writes)) return false;
  return (a.at != b.at && !a.anywhere && !b.anywhere) || (!writes(a) && !writes(b));
}

void interleavings::did(const char* name, const void* at, std::uint64_t value, bool wrote) {
  steps_.push_back({now_, name, at, value});
  writes_ += wrote ? 1U : 0U;
}

void interleavings::buffer(const void* at, std::uint64_t value, void (*apply)(const void*, std::uint64_t)) {
  threads_[now_]->stores.push_back({at, value, apply});
  did("store, buffered,", at, value, false);
}

const std::uint64_t* interleavings::buffered(const void* at) const {
  const auto& stores = threads_[now_]->stores;
  for (auto one = stores.rbegin(); one != stores.rend(); ++one)
    if (one->at == at) return &one->value;
  return nullptr;
}

void interleavings::drain_one(unsigned of) {
  auto& stores = threads_[of]->stores;
  const store oldest = stores.front();
  stores.pop_front();
  oldest.apply(oldest.at, oldest.value);
  steps_.push_back({of, "buffered store reaches", oldest.at, oldest.value});
  ++writes_;
}

void interleavings::drain_all() {
  before({.name = "fence everywhere", .writes = true, .anywhere = true});
  did("fence everywhere", nullptr, 0, false);
  for (unsigned i = 0; i < count_; ++i)
    while (!threads_[i]->stores.empty()) drain_one(i);
}

// The first pause of a loop may come after a write that the loop has not seen, so it does not wait.
void interleavings::pause() {
  thread& mine = *threads_[now_];
  const std::function<bool()> changed = [&] { return writes_ != mine.paused_at; };
  before({.name = "pause", .anywhere = true, .can = &changed});
  mine.paused_at = writes_;
  did("pause", nullptr, 0, false);
}

// The stack is never resumed, so no object on it may own memory.
void interleavings::fail(const char* what) {
  failure_ = what + schedule();
  threads_[now_]->stack->switch_to(*main_);
  std::abort();
}

// Atomics are named in the order of their first use.
std::string interleavings::schedule() const {
  std::string all;
  std::map<const void*, std::string> names;
  for (const step& one : steps_) {
    all += "\n  " + threads_[one.who]->name + ": " + one.name;
    if (one.at == nullptr) continue;
    std::string& name = names[one.at];
    if (name.empty()) name = "w" + std::to_string(names.size());
    all += " " + name + " = " + std::to_string(one.value);
  }
  return all;
}

void expect(bool holds, const char* what) {
  if (holds) return;
  if (interleavings* all = interleavings::here()) all->fail(what);
  throw broken_promise{what};
}

void fence_everywhere() {
  interleavings::here()->drain_all();
}

void watched_mutex::lock() {
  interleavings* all = interleavings::here();
  const std::function<bool()> open = [this] { return !held_; };
  all->before({.name = "lock", .at = this, .writes = true, .drained = true, .can = &open});
  held_ = true;
  all->did("lock", this, 1, true);
}

void watched_mutex::unlock() {
  interleavings* all = interleavings::here();
  all->before({.name = "unlock", .at = this, .writes = true, .drained = true});
  held_ = false;
  all->did("unlock", this, 0, true);
}

} // namespace coppice::runtime::testing
