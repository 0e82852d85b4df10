// SPDX-License-Identifier: MIT
// Turns: how a worker runs processes on its runners' stacks, parks and resumes them. Its thread only. A
// process is in exactly one of: at rest, in a run queue or on its way to one, in a turn. A handler that
// waited may go on on another worker: nothing here keeps a worker across a callback.
#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "runtime/engine.hpp"

namespace coppice::runtime {
namespace {

constexpr base::nanos round_time = 250'000; // turns run this long before the loop is looked at again
constexpr unsigned most_glances = 4;
constexpr base::nanos quick = 20'000; // so many messages
constexpr std::array<std::uint8_t, 4> ok_atom{119, 2, 'o', 'k'};

// For counters with one writer.
void add(std::atomic<std::uint64_t>& counter, std::int64_t count) {
  counter.store(counter.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(count),
                std::memory_order_relaxed);
}

} // namespace

void worker::runner(void*) {
  for (;;) run_turns();
}

// Turns until there is none or the round's time is up, then back to the thread's own stack; while there is a
// freezer also when there is a task, so that its members stand still at once.
// The clock is read at each turn's end.
void worker::run_turns() {
  worker* here = current();
  while (here->recent() - here->round_started_.load(std::memory_order_relaxed) < round_time) {
    const bool freezing = here->freezers_.load(std::memory_order_relaxed) != 0;
    process* next = freezing ? here->next_turn() : here->queue_.pop();
    if (next == nullptr) break;
    here = &here->turn(*next);
    if (freezing && !here->tasks_.empty()) break;
  }
  fiber* mine = here->current_fiber_;
  mine->next = std::exchange(here->idle_runners_, mine);
  here->current_fiber_ = here->thread_stack_;
  mine->switch_to(*here->thread_stack_);
}

// The end of what `p` did: the next turn begins now.
void worker::look_at_the_time(const process& p) {
  const base::nanos held = now() - turn_started_.load(std::memory_order_relaxed);
  if (held >= slow_after_) [[unlikely]]
    host_.parts_->watch->was_slow(*this, p, held);
}

void worker::glance_at_clock() {
  if (--glances_ != 0) return;
  const base::nanos before = now_;
  glances_between_ = now() - before < quick ? std::min(2 * glances_between_, most_glances) : 1;
  glances_ = glances_between_;
}

bool worker::turn_seems_long() {
  glance_at_clock();
  return now_ - turn_started_.load(std::memory_order_relaxed) > host_.options().turn_time;
}

bool worker::turn_is_long() {
  return now() - turn_started_.load(std::memory_order_relaxed) > host_.options().turn_time;
}

void worker::stop(process& p, const message& reason) {
  p.behaviour_->terminate(p, reason);
  engine::die(p, reason);
}

inline outcome worker::handle(process& p, signal_ptr&& what) {
  // A caller that gave up has taken its monitor back, not its request.
  if ((what->flags & signal::of_call) != 0) engine::take_in_hand(p, *what);
  if ((what->flags & signal::bare) == 0) return p.behaviour_->receive(p, consume(std::move(what)));
  const call_id call{what->from, what->ref.number()};
  return p.behaviour_->receive_call(p, call, consume(std::move(what)));
}

// The first callback. False: it is dead.
bool worker::begin(process& p) {
  outcome decided = p.behaviour_->init(p);
  if (p.exiting_) return false;
  p.started_ = true;
  if (decided.stops()) {
    const bool ignored = decided.what() == outcome::kind::ignore;
    engine::answer_ack(p, ignored ? message::atom("ignore") : error_message(decided.reason()));
    engine::die(p, ignored ? reasons::normal() : decided.reason());
    return false;
  }
  engine::answer_ack(p, message::immortal(ok_atom));
  engine::take_signals(p);
  return true;
}

void worker::run_callbacks(process& p, std::uint32_t budget) {
  handle_messages(p, budget);
}

[[gnu::always_inline]] inline void worker::handle_messages(process& p, std::uint32_t budget) {
  if (!p.started_ && !begin(p)) return;
  for (std::uint32_t handled = 0; handled < budget && !halted(p); ++handled) {
    signal_ptr next = engine::next_message(p);
    if (next == nullptr) break;
    const outcome decided = handle(p, std::move(next));
    ++p.turn_reductions_;
    if (p.exiting_) return;
    if (p.asker_) engine::keep_caller(p);
    if (decided.stops()) [[unlikely]]
      return stop(p, decided.reason());
    if (engine::has_signals(p)) engine::take_signals(p);
    if (p.first_ == nullptr || p.turn_reductions_ >= turn_reductions || p.home().turn_seems_long()) break;
  }
}

// Returns the worker that goes on with this stack.
worker& worker::turn(process& p) {
  add(turns_, 1);
  turn_started_.store(now_, std::memory_order_relaxed);
  running_.store(&p, std::memory_order_release);
  const bool parked = engine::parked_on(p) != nullptr;
  if (!parked && !p.exiting_) engine::set_status(p, process_status::running);
  if (engine::has_signals(p)) engine::take_signals(p);
  if (parked) {
    if (p.waiting_->ready) {
      fiber* mine = current_fiber_;
      mine->next = std::exchange(idle_runners_, mine);
      current_fiber_ = std::exchange(p.waiting_->stack, nullptr);
      mine->switch_to(*current_fiber_);
      return *this; // as the runner of some later turn: `p` may be gone
    }
    now();
    end_turn(p);
    return *this;
  }
  if (!p.finished_) {
    if (!halted(p))
      handle_messages(p, host_.options().turn_messages);
    else if (!p.exiting_)
      hold(p);
    if (p.exiting_) engine::finish(p);
  }
  worker& here = p.home();
  here.look_at_the_time(p);
  here.end_turn(p);
  return here;
}

void worker::end_turn(process& p) {
  running_.store(nullptr, std::memory_order_relaxed);
  p.reductions_.store(p.reductions_.load(std::memory_order_relaxed) + std::exchange(p.turn_reductions_, 0),
                      std::memory_order_relaxed);
  if (!has_more(p)) [[likely]] {
    engine::set_status(p, process_status::waiting);
    if (rest(p)) return;
  }
  end_turn_with_more(p);
}

// Whether its turn's end is anything but rest.
bool worker::has_more(const process& p) {
  return p.first_ != nullptr || engine::parked_on(p) != nullptr || p.pending_first_ != nullptr ||
         p.crowd_.load(std::memory_order_relaxed) != nullptr || halted(p);
}

void worker::end_turn_with_more(process& p) {
  if (p.crowd_.load(std::memory_order_relaxed) != nullptr) engine::admit_crowd(p);
  const bool parked = engine::parked_on(p) != nullptr;
  bool more = parked ? p.waiting_->ready : p.first_ != nullptr;
  if (halted(p))
    more = wants_turn(p, more);
  else
    engine::set_status(p, parked ? p.waiting_->shows
                          : more ? process_status::runnable
                                 : process_status::waiting);
  if (more || p.pending_first_ != nullptr || !rest(p)) {
    const bool busy = more && !parked;
    return queue_.push(&p, p.priority_.load(std::memory_order_relaxed), busy);
  }
  if (p.reclaimable_) std::unique_ptr<process>(&p).reset();
}

fiber* worker::take_runner() {
  return std::exchange(idle_runners_, idle_runners_->next);
}

bool worker::add_runner() {
  std::atomic<std::uint32_t>& all = host_.parts_->stacks;
  const std::uint32_t limit = host_.options().parked + host_.options().workers;
  if (all.fetch_add(1, std::memory_order_relaxed) >= limit && stacks_.size() >= 2) {
    all.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  auto made = fiber::make(host_.options().stack_bytes, &worker::runner, nullptr);
  if (!made) {
    all.fetch_sub(1, std::memory_order_relaxed);
    base::log::warning("runtime", "no stack for another parked process: {}", made.error().text);
    return false;
  }
  idle_runners_ = made->get();
  own_stack(*made->release());
  return true;
}

void worker::own_stack(fiber& stack) {
  stack.place = stacks_.size();
  stacks_.emplace_back(&stack);
}

void worker::release_stack(fiber& stack) {
  stacks_.back()->place = stack.place;
  std::swap(stacks_[stack.place], stacks_.back());
  [[maybe_unused]] const fiber* released = stacks_.back().release();
  stacks_.pop_back();
}

void worker::park(process& p) {
  look_at_the_time(p);
  p.waiting_->stack = current_fiber_;
  running_.store(nullptr, std::memory_order_relaxed);
  add(parked_, 1);
  if (!p.exiting_) engine::set_status(p, process_status::parked);
  fiber* mine = current_fiber_;
  current_fiber_ = take_runner();
  mine->switch_to(*current_fiber_);
  add(p.home().parked_, -1);
  if (!p.exiting_) engine::set_status(p, process_status::running);
}

void worker::yield(process& p) {
  queue_.push(&p, p.priority_.load(std::memory_order_relaxed), true);
  park(p);
}

} // namespace coppice::runtime
