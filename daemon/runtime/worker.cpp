// SPDX-License-Identifier: MIT
// A worker's round: inboxes, turns, the loop, timers, reclamation, sleep. See worker.hpp.
#include "runtime/worker.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "runtime/engine.hpp"

namespace coppice::runtime {
namespace {

constexpr base::nanos poll_every = 50'000;      // the loop is looked at this often under load
constexpr base::nanos retired_nap = 10'000'000; // the longest sleep while something waits to be freed
constexpr unsigned kept_stacks = 64;            // in the pool of a worker that sleeps
constexpr unsigned spins = 400;                 // looks at the inboxes before sleeping, some 20 µs
constexpr unsigned spins_a_poll = 40;           // and at the loop: an answer from the network is as near

// A counter that is cheaper to read than the clock; it need only go up at 1 to 10 GHz, or not at all.
std::uint64_t processor_counter() {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_ia32_rdtsc();
#else
  return 0;
#endif
}

constexpr std::uint64_t fresh_for = 20'000; // counts

void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

} // namespace

worker::worker(system& host, unsigned index)
    : host_(host),
      freezers_(host.parts_->freezers),
      index_(index),
      slow_after_(host.options().watchdog),
      timers_(base::mono_now()) {}

// After the thread: others may have sent wake-ups and tasks until then.
worker::~worker() {
  drop_tasks();
}

base::nanos worker::now() {
  const std::uint64_t counter = processor_counter();
  if (counter - clock_read_ < fresh_for && counter != 0) return now_;
  clock_read_ = counter;
  return now_ = base::mono_now();
}

base::status worker::prepare() {
  auto loop = base::uv::loop::make();
  if (!loop) return tl::unexpected(std::move(loop.error()).context("worker"));
  loop_ = std::make_unique<base::uv::loop>(std::move(*loop));
  auto waker = base::uv::async::make(*loop_, [] {});
  if (!waker) return tl::unexpected(std::move(waker.error()).context("worker"));
  waker_handle_ = std::move(*waker);
  alarm_ = base::uv::timer(*loop_, [this] { alarm_rang_ = true; });
  // The loop fires timers that are due before it waits: what they began must not wait with it.
  before_waiting_ = base::uv::prepare(loop_->raw(), [this] {
    if (alarm_rang_ || queue_.size() != 0) uv_stop(loop_->raw());
  });
  before_waiting_.start();
  return {};
}

void worker::start(driver& by) {
  driver_.store(&by, std::memory_order_relaxed);
  by.drive(*this);
}

void worker::ask_to_stop() {
  stopping_.store(true, std::memory_order_release);
  waker_handle_.send();
}

void worker::run(driver& by) {
  thread_stack_ = &by.stack();
  current_fiber_ = thread_stack_;
  needs_online();
  if (process* left = std::exchange(left_behind_, nullptr)) end_turn(*left);
  unsigned idle_rounds = 0;
  while (!stopping_.load(std::memory_order_acquire)) {
    const bool busy = one_round(by);
    if (by.lost()) return;
    if (busy) {
      idle_rounds = 0;
      stop_hungering();
      continue;
    }
    hunger();
    if (idle_rounds++ == 0)
      spin();
    else
      sleep();
  }
  stop_hungering();
  drop_all();
  host_.parts_->readers.offline(index_);
  stopped_.store(true, std::memory_order_release);
}

// True if there was something to do. When the driver has lost this worker nothing here is its any more.
bool worker::one_round(driver& by) {
  round_started_.store(now(), std::memory_order_relaxed);
  take_inboxes();
  const bool busy = queue_.size() != 0 || !attending_.empty();
  if (busy) {
    if (can_park()) {
      fiber* runner_stack = take_runner();
      current_fiber_ = runner_stack;
      thread_stack_->switch_to(*runner_stack);
      if (by.lost()) return false;
    }
    now();
    share_backlog();
  }
  if ((queue_.size() == 0 && attending_.empty()) || now_ - last_poll_ > poll_every) poll();
  timers_.advance(now_);
  needs_online();
  reclaim();
  return busy || queue_.size() != 0 || !attending_.empty();
}

void worker::take_inboxes() {
  take_arrivals();
  take_announcements();
  for (task* t = tasks_.take_all(); t != nullptr;) {
    const std::unique_ptr<task> owned(std::exchange(t, t->next));
    owned->run();
  }
  runnable_.store(queue_.size(), std::memory_order_relaxed);
}

void worker::spin() {
  for (unsigned i = 1; i <= spins && !has_mail() && queue_.size() == 0; ++i) {
    if (i % spins_a_poll == 0) poll();
    pause_cpu();
  }
}

bool worker::has_mail() const {
  return !announcements_.empty() || !arrivals_.empty() || !tasks_.empty();
}

void worker::poll() {
  last_poll_ = now_;
  loop_->turn(false);
}

void worker::sleep() {
  block_pool::current()->flush();
  block_memory::trim();
  free_spare_stacks();
  const auto awake_again = [](auto&... idle) { (idle.wake(), ...); };
  if (!tasks_.try_idle()) return;
  if (!announcements_.try_idle()) return awake_again(tasks_);
  if (!arrivals_.try_idle()) return awake_again(tasks_, announcements_);
  base::nanos until = timers_.next();
  if (!retired_.empty()) until = std::min(until, now() + retired_nap);
  alarm_rang_ = false;
  if (until != INT64_MAX) alarm_.start(base::to_milliseconds(until - base::mono_now()));
  if (stopping_.load(std::memory_order_acquire)) return;
  sleeping_.store(true, std::memory_order_seq_cst);
  online_ = false;
  host_.parts_->readers.offline(index_);
  token_.store(token::resting, std::memory_order_release);
  loop_->turn(true);
  alarm_.stop();
  needs_online();
  host_.parts_->watch->awake();
}

// A runner in the pool is suspended where it owns nothing.
void worker::free_spare_stacks() {
  unsigned kept = 0;
  for (fiber** link = &idle_runners_; *link != nullptr;) {
    if (++kept <= kept_stacks) {
      link = &(*link)->next;
      continue;
    }
    fiber* spare = std::exchange(*link, (*link)->next);
    release_stack(*spare);
    host_.parts_->stacks.fetch_sub(1, std::memory_order_relaxed);
    std::unique_ptr<fiber>(spare).reset();
  }
}

// Takes the token back, and is awake for all to see. A borrower has the token for some instructions.
void worker::needs_online() {
  if (online_) return;
  for (token seen = token::resting; token_.load(std::memory_order_relaxed) != token::held;
       seen = token::resting)
    if (!token_.compare_exchange_weak(seen, token::held, std::memory_order_acquire,
                                      std::memory_order_relaxed))
      pause_cpu();
  online_ = true;
  host_.parts_->readers.online(index_);
  round_started_.store(base::mono_now(), std::memory_order_relaxed);
  sleeping_.store(false, std::memory_order_seq_cst);
}

void worker::reclaim() {
  host_.parts_->readers.quiescent(index_);
  if (retired_.empty()) return;
  const std::uint64_t safe = host_.parts_->readers.safe_until();
  while (!retired_.empty() && retired_.front().ticket <= safe) {
    process* done = retired_.front().who;
    retired_.pop_front();
    if (done->inbox_.idle() && !done->scheduled_)
      std::unique_ptr<process>(done).reset();
    else
      done->reclaimable_ = true; // a turn of it is due, which ends it
  }
}

void worker::expect_end_of(process& p) {
  linger_timer& one = lingering_[&p];
  one.who = &p;
  one.fire = [](timer& due) {
    process& late = *static_cast<linger_timer&>(due).who;
    system& host = late.host();
    host.parts_->abandoned.fetch_add(1, std::memory_order_relaxed);
    base::log::warning("runtime",
                       "{} is dead, but its handler has not returned in {} ms: its stack is given up",
                       to_text(late.self(), host.nodes()), host.options().linger / base::nanos_per_ms);
  };
  timers_.start(one, base::mono_now() + host_.options().linger);
}

void worker::retire(process& p) {
  if (const auto found = lingering_.find(&p); found != lingering_.end()) {
    timers_.cancel(found->second);
    lingering_.erase(found);
  }
  retired_.push_back({host_.parts_->readers.ticket(), &p});
}

bool worker::post(std::function<void()> run) {
  if (stopping_.load(std::memory_order_acquire)) return false;
  auto fresh = std::make_unique<task>();
  fresh->run = std::move(run);
  if (tasks_.push(fresh.release())) waker_handle_.send();
  return true;
}

void worker::drop_tasks() {
  for (task* t = tasks_.take_all(); t != nullptr;) std::unique_ptr<task>(std::exchange(t, t->next)).reset();
}

// The end: what is left is freed without running anything. No other worker runs any more.
void worker::drop_all() {
  drop_tasks();
  take_inboxes();
  while (process* left = queue_.pop())
    if (left->reclaimable_) std::unique_ptr<process>(left).reset();
  while (!retired_.empty()) {
    std::unique_ptr<process>(retired_.front().who).reset();
    retired_.pop_front();
  }
  started_timers_.clear();
  attending_.clear();
}

std::uint64_t worker::add_timer(process& starter, base::nanos deadline, const destination& to, message what) {
  auto fresh = std::make_unique<started_timer>();
  fresh->fire = &worker::fire_started;
  fresh->home = this;
  fresh->id = ++next_timer_ << 10 | index_;
  fresh->starter = &starter;
  fresh->next_of_starter = starter.timers_;
  if (starter.timers_ != nullptr) starter.timers_->previous_of_starter = fresh.get();
  starter.timers_ = fresh.get();
  fresh->to = to;
  fresh->what = std::move(what);
  timers_.start(*fresh, deadline);
  const std::uint64_t id = fresh->id;
  started_timers_.emplace(id, std::move(fresh));
  return id;
}

void worker::fire_started(timer& due) {
  auto& one = static_cast<started_timer&>(due);
  worker& self = *one.home;
  const auto found = self.started_timers_.find(one.id);
  const std::unique_ptr<started_timer> owned = std::move(found->second);
  self.started_timers_.erase(found);
  leave_starter(*owned);
  signal_ptr what = make_signal(signal_kind::message, owned->starter->self(), std::move(owned->what));
  what->flags = signal::unbounded;
  if (!owned->to.here()) owned->starter->choose_compression(*what);
  engine::dispatch(self.host_, owned->to, std::move(what), nullptr);
}

// The starter is here while it has timers: see movable().
void worker::leave_starter(started_timer& one) {
  started_timer* const before = one.previous_of_starter;
  (before == nullptr ? one.starter->timers_ : before->next_of_starter) = one.next_of_starter;
  if (one.next_of_starter != nullptr) one.next_of_starter->previous_of_starter = before;
}

base::nanos worker::remove_timer(const process& starter, std::uint64_t id) {
  const base::nanos left = timer_left(starter, id);
  if (left >= 0) forget_timer(*started_timers_.find(id)->second);
  return left;
}

void worker::forget_timer(started_timer& one) {
  leave_starter(one);
  timers_.cancel(one);
  started_timers_.erase(one.id);
}

void worker::drop_timers_of(const process& dead) {
  while (dead.timers_ != nullptr) forget_timer(*dead.timers_);
}

base::nanos worker::timer_left(const process& starter, std::uint64_t id) const {
  const auto found = started_timers_.find(id);
  if (found == started_timers_.end() || found->second->starter != &starter) return -1;
  return std::max<base::nanos>(0, found->second->deadline - base::mono_now());
}

worker::glimpse worker::look() const {
  glimpse seen;
  seen.who = running_.load(std::memory_order_acquire); // stored last: the others are of its turn, or newer
  seen.since = turn_started_.load(std::memory_order_relaxed);
  seen.turn = turns_.load(std::memory_order_relaxed);
  seen.sleeping = sleeping_.load(std::memory_order_seq_cst);
  return seen;
}

worker_info worker::info() const {
  worker_info seen;
  seen.index = index_;
  seen.processes = processes.load(std::memory_order_relaxed);
  seen.runnable = runnable_.load(std::memory_order_relaxed);
  seen.turns = turns_.load(std::memory_order_relaxed);
  seen.parked = parked_.load(std::memory_order_relaxed);
  seen.timers = timers_.armed();
  seen.sleeping = sleeping_.load(std::memory_order_acquire); // first: the times are of its waking, or newer
  const base::nanos turn = turn_started_.load(std::memory_order_relaxed);
  const base::nanos began = std::max(turn, round_started_.load(std::memory_order_relaxed));
  if (!seen.sleeping && began != 0 && !stopped())
    seen.held = std::max<base::nanos>(0, base::mono_now() - began);
  return seen;
}

} // namespace coppice::runtime
