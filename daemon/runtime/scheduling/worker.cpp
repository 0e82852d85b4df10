// SPDX-License-Identifier: MIT
// A worker's round: inboxes, turns, polling the loop, timers, reclamation, sleep. See worker.hpp.
#include "runtime/scheduling/worker.hpp"

#include <algorithm>
#include <thread>

#include "base/border.hpp"
#include "base/log.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/scheduling/idling.hpp"
#include "runtime/scheduling/runner_switch.hpp"

namespace coppice::runtime {
namespace {

constexpr base::nanos poll_every = 50'000;      // the loop is polled this often under load
constexpr base::nanos poll_after = 5'000;       // and this often if there are turns, but no queue
constexpr base::nanos retired_nap = 10'000'000; // the longest sleep while something waits to be freed
constexpr base::nanos rests_after = 500 * base::nanos_per_ms; // asleep for so long, it gives free blocks back
constexpr base::nanos restless_nap = 2 * rests_after;         // the longest sleep while it keeps free blocks
constexpr base::nanos poll_awake = 1'000; // and this often by a worker without work that does not sleep yet
constexpr base::nanos yields_after = 10'000;    // a worker without work for so long lets other threads run
constexpr base::nanos wants_work_after = 3'000; // a worker without work for so long asks for others' work
constexpr unsigned looks_a_time = 16;           // at the inboxes, for one read of the clock
// With these a worker still sleeps and polls if the clock stands still. While the clock runs they are not
// reached.
constexpr unsigned most_rounds = 10'000; // of look_around()
constexpr unsigned poll_rounds = 1'000;  // without polling the loop

} // namespace

worker::worker(system& host, unsigned index)
    : host_(host),
      freezers_(host.core().freezers),
      looks_(host.core().looks),
      index_(index),
      creation_(host.creation()),
      slow_after_(host.options().watchdog),
      busy_wait_(host.options().busy_wait),
      timers_(base::mono_now()),
      runners_(host, index, &worker::runner),
      meter_(index) {}

// After the thread's end: until then others may have sent wake-ups and tasks.
worker::~worker() {
  drop_tasks();
}

template <class Work>
void worker::aside(Work&& work) {
  const base::nanos since = now();
  aside_.begin(since);
  work();
  end_aside(since);
}

void worker::end_aside(base::nanos since) {
  const std::uint32_t node = aside_.end();
  const base::nanos held = now() - since;
  note_longest(held);
  if (held >= slow_after_) [[unlikely]]
    host_.core().watch->was_slow(*this, since, held, node);
}

// When the loop's last wait ended, by its own time, which is cut to milliseconds.
base::nanos worker::waited_until() const {
  return static_cast<base::nanos>(uv_now(loop_->raw()) + 1) * base::nanos_per_ms;
}

// A callback of the loop has woken the worker, and what it did is over.
void worker::end_woken() {
  if (aside_.since() != 0) end_aside(aside_.since());
}

base::status worker::prepare() {
  auto loop = base::uv::loop::make();
  if (!loop) return unexpected(std::move(loop.error()).context("worker"));
  loop_ = std::make_unique<base::uv::loop>(std::move(*loop));
  auto waker = base::uv::async::make(*loop_, [] {});
  if (!waker) return unexpected(std::move(waker.error()).context("worker"));
  waker_handle_ = std::move(*waker);
  alarm_ = base::uv::timer(*loop_, [this] { alarm_rang_ = true; });
  // The loop runs callbacks before it waits. Processes that these made ready may not wait with the loop, and
  // a worker that was made awake only to look at a process has to sleep again. libuv calls prepare handles
  // newest first and this is the oldest, so nothing runs between it and the wait.
  before_waiting_ = base::uv::prepare(loop_->raw(), [this] {
    if (alarm_rang_ || queue_.size() != 0) return uv_stop(loop_->raw());
    if (going_to_sleep_ && online_) fall_asleep();
  });
  before_waiting_.start();
  after_waiting_ = base::uv::check(loop_->raw(), [this] { end_aside(waited_until()); });
  if (!runners_.needs_one())
    return base::fail(base::errc::limit, "worker: there is no stack to run processes on");
  return {};
}

void worker::start(driver& by) {
  driver_.store(&by, std::memory_order_relaxed);
  by.drive(*this);
}

base::nanos worker::leave_turn(process_record& p) {
  count_parked(1);
  left_behind_ = &p;
  return meter_.leave_turn(turn_began());
}

void worker::end_left_turn(process_record& p, work_kind kind, base::nanos ran) {
  count_parked(-1);
  meter_.charge_stuck(p, kind, ran);
}

void worker::ask_to_stop() {
  stopping_.store(true, std::memory_order_release);
  waker_handle_.send();
}

void worker::run(driver& by) {
  runners_.begin_on(by.stack());
  needs_online();
  meter_.start();
  if (process_record* left = std::exchange(left_behind_, nullptr)) end_turn(*left);
  unsigned idle_rounds = 0;
  while (!stopping_.load(std::memory_order_acquire)) {
    bool busy = true;
    base::contained("a round of a worker", [&] { busy = one_round(by); });
    if (by.lost()) return;
    if (busy) {
      idle_rounds = 0;
      continue;
    }
    idle_from_ = clock_.counter();
    if (idle_rounds++ == 0)
      look_around();
    else
      sleep();
  }
  stop_wanting_work();
  drop_tasks();
  take_inboxes();
  host_.core().readers.offline(index_);
  stopped_.store(true, std::memory_order_release);
}

// Returns true if there was something to do. If the driver has lost this worker, it may not touch it any
// more.
bool worker::one_round(driver& by) {
  round_started_.store(now(), std::memory_order_relaxed);
  if (idle_from_ != 0) meter_.was_idle(std::exchange(idle_from_, 0), clock_.counter());
  take_inboxes();
  const bool busy = queue_.size() != 0 || gate_.has_due();
  if (busy) {
    stop_wanting_work(); // before the turns: one may take long
    if (can_park()) {
      runners_.run();
      if (by.lost()) return false;
    }
    share_backlog();
  }
  ++rounds_unpolled_;
  if (wants_poll()) poll();
  timers_.advance(recent());
  needs_online();
  reclaim();
  return busy || queue_.size() != 0 || gate_.has_due();
}

// Polling the loop takes as long as a message between two workers. Where such messages come one by one, the
// poll waits a little, unless something in the loop is due.
bool worker::wants_poll() const {
  if (rounds_unpolled_ >= poll_rounds) return true;
  const base::nanos since = recent() - last_poll_;
  if (queue_.size() != 0 || gate_.has_due()) return since > poll_every;
  return since > poll_after || uv_backend_timeout(loop_->raw()) == 0;
}

void worker::take_inboxes() {
  take_arrivals();
  take_notifications();
  if (task* t = tasks_.take_all(); t != nullptr) {
    aside([t]() mutable {
      while (t != nullptr) {
        const std::unique_ptr<task> owned(std::exchange(t, t->next));
        base::contained_call("a worker's task", owned->run);
      }
    });
  }
  runnable_.store(queue_.size(), std::memory_order_relaxed);
}

// Polls the inboxes until there is something to do, or as long as that may come soon. Answers from the
// network come as soon as those of another worker, so the loop is polled too. Work is asked for only after a
// while, since that tells all workers: where messages between two workers come one by one, the next one comes
// before. yield() lets other threads of the machine use the processor.
void worker::look_around() {
  const base::nanos begun = base::mono_now();
  base::nanos polled = begun;
  unsigned rounds = 0;
  for (base::nanos at = begun; at - begun < busy_wait_.length() && rounds < most_rounds;
       at = base::mono_now()) {
    ++rounds;
    for (unsigned i = 0; i < looks_a_time; ++i) {
      if (has_mail() || queue_.size() != 0) return;
      machine_atomics::pause();
    }
    if (at - polled < poll_awake) continue;
    if (at - begun >= wants_work_after) want_work();
    poll();
    if (at - begun >= yields_after) std::this_thread::yield();
    polled = at;
  }
}

bool worker::has_mail() const {
  return !notifications_.empty() || !arrivals_.empty() || !tasks_.empty();
}

void worker::poll() {
  last_poll_ = recent();
  rounds_unpolled_ = 0;
  block_pool::current()->relieve_memory();
  aside([this] { loop_->turn(false); });
}

void worker::sleep() {
  want_work();
  block_pool& blocks = *block_pool::current();
  blocks.flush();
  blocks.relieve_memory();
  block_memory::trim();
  runners_.free_spare();
  if (!try_idle(tasks_, notifications_, arrivals_)) return;
  base::nanos until = timers_.next();
  if (ended_.has_retired()) until = std::min(until, now() + retired_nap);
  if (!blocks.is_at_rest()) until = std::min(until, now() + restless_nap);
  alarm_rang_ = false;
  if (until != INT64_MAX) alarm_.start(base::to_milliseconds(until - base::mono_now()));
  if (stopping_.load(std::memory_order_acquire)) return;
  fall_asleep();
  const base::nanos asleep_since = base::mono_now();
  going_to_sleep_ = true;
  after_waiting_.start();
  loop_->turn(true);
  after_waiting_.stop();
  going_to_sleep_ = false;
  end_woken();
  const base::nanos slept = base::mono_now() - asleep_since;
  busy_wait_.slept(slept);
  if (slept >= rests_after) blocks.rest();
  alarm_.stop();
  needs_online();
  host_.core().watch->awake();
}

// Until needs_online().
void worker::fall_asleep() {
  end_woken();
  sleeping_.store(true, std::memory_order_seq_cst);
  online_ = false;
  host_.core().readers.offline(index_);
  token_.rest();
}

// Takes the token back and makes the worker awake for all. A borrower has the token for some instructions.
void worker::needs_online() {
  if (online_) return;
  token_.take_back();
  online_ = true;
  host_.core().readers.online(index_);
  round_started_.store(base::mono_now(), std::memory_order_relaxed);
  if (going_to_sleep_) aside_.begin(waited_until());
  sleeping_.store(false, std::memory_order_seq_cst);
}

void worker::reclaim() {
  host_.core().readers.quiescent(index_);
  ended_.reclaim();
}

// Other threads find the process by the table, which it has left, and the watchdog by running_: both have to
// be over before the ticket is drawn.
void worker::retire(process_record& p) {
  ended_.forget_lingering(p);
  set_running(nullptr);
  ended_.retire(p);
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

void worker::free_processes() {
  while (process_record* left = queue_.pop())
    if (left->schedule.freed_next) std::unique_ptr<process_record>(left).reset();
  ended_.free_all();
  system_core& core = host_.core();
  const std::lock_guard guard(core.given_up_lock);
  std::erase_if(core.given_up, [this](process_record* p) {
    const bool ours = &p->home() == this;
    if (ours) std::unique_ptr<process_record>(p).reset();
    return ours;
  });
  gate_.close();
}

worker::glimpse worker::look() const {
  glimpse seen;
  // Stored last: the other values are of its turn or newer.
  seen.who = running_.load(std::memory_order_acquire);
  seen.since = turn_started_.load(std::memory_order_relaxed);
  seen.turn = turns_.load(std::memory_order_relaxed);
  seen.sleeping = sleeping_.load(std::memory_order_seq_cst);
  if (seen.who != nullptr) return seen;
  const base::nanos since = aside_.since();
  if (since == 0) return seen;
  seen.aside = true;
  seen.since = since;
  seen.turn = of_work(since);
  seen.node = aside_.node();
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
  seen.sleeping = sleeping_.load(std::memory_order_acquire); // first: the times are from its waking or newer
  seen.longest = longest_.load(std::memory_order_relaxed);
  const base::nanos turn = turn_started_.load(std::memory_order_relaxed);
  const base::nanos began = std::max(turn, round_started_.load(std::memory_order_relaxed));
  if (!seen.sleeping && began != 0 && !stopped())
    seen.held = std::max<base::nanos>(0, base::mono_now() - began);
  return seen;
}

} // namespace coppice::runtime
