// SPDX-License-Identifier: MIT
// A worker's round: inboxes, turns, polling the loop, timers, reclamation, sleep; and its timers and dead
// processes. See worker.hpp.
#include "runtime/scheduling/worker.hpp"

#include <algorithm>
#include <thread>

#include "base/border.hpp"
#include "base/log.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/scheduling/idling.hpp"

namespace coppice::runtime {
namespace {

constexpr base::nanos poll_every = 50'000;      // the loop is polled this often under load
constexpr base::nanos poll_after = 5'000;       // and this often if there are turns, but no queue
constexpr base::nanos retired_nap = 10'000'000; // the longest sleep while something waits to be freed
constexpr base::nanos rests_after = 500 * base::nanos_per_ms; // asleep for so long, it gives free blocks back
constexpr base::nanos restless_nap = 2 * rests_after;         // the longest sleep while it keeps free blocks
constexpr unsigned kept_stacks = 64;                          // in the pool of a worker that sleeps
constexpr base::nanos poll_awake = 1'000; // and this often by a worker without work that does not sleep yet
constexpr base::nanos wants_work_after = 3'000; // a worker without work for so long asks for others' work
constexpr unsigned looks_a_time = 16;           // at the inboxes, for one read of the clock
// With these a worker still sleeps and polls if the clock stands still. While the clock runs they are not
// reached.
constexpr unsigned most_rounds = 10'000; // of look_around()
constexpr unsigned poll_rounds = 1'000;  // without polling the loop

constexpr std::uint64_t fresh_for = 20'000; // in counts
// Between two turns that are measured, about, in counts: what measuring takes is a hundredth.
constexpr std::uint64_t measures_every = 8'000;
constexpr std::uint32_t measures_at_least = 128; // of so many turns one
constexpr std::uint64_t laps_every = 500'000;   // ns between two turns that are looked at closely, about
constexpr std::uint32_t laps_at_least = 4096;   // of so many measured turns one

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
      sampler_(measures_every, measures_at_least, index),
      lap_sampler_(laps_every, laps_at_least, ~std::uint64_t{index}) {}

// After the thread's end: until then others may have sent wake-ups and tasks.
worker::~worker() {
  drop_tasks();
}

base::nanos worker::now() {
  read_counter();
  return now_;
}

std::uint64_t worker::read_counter() {
  looked_at_ = processor_counter();
  if (looked_at_ == 0) {
    now_ = base::mono_now();
    return looked_at_ = static_cast<std::uint64_t>(now_);
  }
  if (looked_at_ - clock_read_ >= fresh_for) {
    clock_read_ = looked_at_;
    now_ = base::mono_now();
  }
  return looked_at_;
}

template <class Work>
void worker::aside(Work&& work) {
  const base::nanos since = now();
  aside_since_.store(since, std::memory_order_relaxed);
  work();
  end_aside(since);
}

void worker::end_aside(base::nanos since) {
  aside_since_.store(0, std::memory_order_relaxed);
  const base::nanos held = now() - since;
  note_longest(held);
  const std::uint32_t node = std::exchange(longest_part_of_, 0);
  longest_part_ = 0;
  if (held >= slow_after_) [[unlikely]]
    host_.core().watch->was_slow(*this, since, held, node);
}

// When the loop's last wait ended, by its own time, which is cut to milliseconds.
base::nanos worker::waited_until() const {
  return static_cast<base::nanos>(uv_now(loop_->raw()) + 1) * base::nanos_per_ms;
}

// A callback of the loop has woken the worker, and what it did is over.
void worker::end_woken() {
  const base::nanos since = aside_since_.load(std::memory_order_relaxed);
  if (since != 0) end_aside(since);
}

void worker::end_part(std::uint32_t node, base::nanos time) {
  begin_part(0);
  if (time <= longest_part_) return;
  longest_part_ = time;
  longest_part_of_ = node;
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
  if (!needs_runner()) return base::fail(base::errc::limit, "worker: there is no stack to run processes on");
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
  clock_.start();
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
    idle_from_ = looked_at_;
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
  if (idle_from_ != 0) clock_.was_idle(std::exchange(idle_from_, 0), looked_at_);
  take_inboxes();
  const bool busy = queue_.size() != 0 || gate_.has_due();
  if (busy) {
    stop_wanting_work(); // before the turns: one may take long
    if (can_park()) {
      fiber* runner_stack = take_runner();
      current_fiber_ = runner_stack;
      thread_stack_->switch_to(*runner_stack);
      if (by.lost()) return false;
    }
    share_backlog();
  }
  ++rounds_unpolled_;
  if (wants_poll()) poll();
  timers_.advance(now_);
  needs_online();
  reclaim();
  return busy || queue_.size() != 0 || gate_.has_due();
}

// Polling the loop takes as long as a message between two workers. Where such messages come one by one, the
// poll waits a little, unless something in the loop is due.
bool worker::wants_poll() const {
  if (rounds_unpolled_ >= poll_rounds) return true;
  const base::nanos since = now_ - last_poll_;
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
    std::this_thread::yield();
    polled = at;
  }
}

bool worker::has_mail() const {
  return !notifications_.empty() || !arrivals_.empty() || !tasks_.empty();
}

void worker::poll() {
  last_poll_ = now_;
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
  free_spare_stacks();
  if (!try_idle(tasks_, notifications_, arrivals_)) return;
  base::nanos until = timers_.next();
  if (!retired_.empty()) until = std::min(until, now() + retired_nap);
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

// A runner in the pool is suspended where it owns nothing, so its stack can be freed.
void worker::free_spare_stacks() {
  unsigned kept = 0;
  for (fiber** link = &idle_runners_; *link != nullptr;) {
    if (++kept <= kept_stacks) {
      link = &(*link)->next;
      continue;
    }
    fiber* spare = std::exchange(*link, (*link)->next);
    release_stack(*spare);
    host_.core().stacks.fetch_sub(1, std::memory_order_relaxed);
    std::unique_ptr<fiber>(spare).reset();
  }
}

// Takes the token back and makes the worker awake for all. A borrower has the token for some instructions.
void worker::needs_online() {
  if (online_) return;
  token_.take_back();
  online_ = true;
  host_.core().readers.online(index_);
  round_started_.store(base::mono_now(), std::memory_order_relaxed);
  if (going_to_sleep_) aside_since_.store(waited_until(), std::memory_order_relaxed);
  sleeping_.store(false, std::memory_order_seq_cst);
}

void worker::reclaim() {
  host_.core().readers.quiescent(index_);
  if (retired_.empty()) return;
  const std::uint64_t safe = host_.core().readers.safe_until();
  while (!retired_.empty() && retired_.front().ticket <= safe) {
    process_record* done = retired_.front().who;
    retired_.pop_front();
    if (done->mailbox.idle() && !done->scheduled)
      std::unique_ptr<process_record>(done).reset();
    else
      done->reclaimable = true; // one more turn of it is due, which frees it
  }
}

void worker::expect_end_of(process_record& p) {
  linger_timer& one = lingering_[&p];
  one.who = &p;
  one.fire = [](timer& due) {
    process_record& late = *static_cast<linger_timer&>(due).who;
    system& host = late.host();
    host.core().abandoned.fetch_add(1, std::memory_order_relaxed);
    static_cast<linger_timer&>(due).counted = true;
    base::log::warning("runtime",
                       "{} is dead, but its handler has not returned in {} ms: its stack is given up",
                       to_text(late.self(), host.nodes()), host.options().linger / base::nanos_per_ms);
  };
  timers_.start(one, base::mono_now() + host_.options().linger);
}

bool worker::forget_lingering(process_record& p) {
  const auto found = lingering_.find(&p);
  if (found == lingering_.end()) return false;
  const bool counted = found->second.counted;
  timers_.cancel(found->second);
  lingering_.erase(found);
  return counted;
}

void worker::retire(process_record& p) {
  forget_lingering(p);
  // Other threads find the process by the table, which it has left, and the watchdog by running_: both have
  // to be over before the ticket is drawn.
  set_running(nullptr);
  retired_.push_back({host_.core().readers.ticket(), &p});
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
    if (left->reclaimable) std::unique_ptr<process_record>(left).reset();
  while (!retired_.empty()) {
    std::unique_ptr<process_record>(retired_.front().who).reset();
    retired_.pop_front();
  }
  system_core& core = host_.core();
  const std::lock_guard guard(core.given_up_lock);
  std::erase_if(core.given_up, [this](process_record* p) {
    const bool ours = &p->home() == this;
    if (ours) std::unique_ptr<process_record>(p).reset();
    return ours;
  });
  gate_.close();
}

// The worker's index makes an id unique on the node. The rest increases for each process, wherever it moves.
std::uint64_t worker::add_timer(process_record& starter, std::unique_ptr<started_timer> fresh) {
  started_timer& one = *fresh;
  one.fire = &worker::fire_started;
  one.id = ++next_timer_ << index_bits | index_;
  one.starter = &starter;
  std::unique_ptr<started_timers>& all = starter.needs_relations().timers;
  if (all == nullptr) all = std::make_unique<started_timers>();
  all->add(std::move(fresh));
  timers_.start(one, one.deadline);
  return one.id;
}

// The timer may still be in the wheel; then the caller takes it out.
std::unique_ptr<started_timer> worker::take_timer(process_record& starter, std::uint64_t id) {
  started_timers* const all = starter.timers();
  if (all == nullptr) return nullptr;
  auto taken = all->take(id);
  if (all->size() == 0) starter.related()->timers.reset();
  return taken;
}

void worker::fire_started(timer& due) {
  auto& one = static_cast<started_timer&>(due);
  process_record& starter = *one.starter;
  const bool repeats = one.period != 0;
  std::unique_ptr<started_timer> ended;
  if (repeats)
    starter.home().timers_.start(one, one.next_after(starter.home().recent()));
  else
    ended = take_timer(starter, one.id);
  signal_ptr what =
      make_signal(signal_kind::message, starter.self(), repeats ? message(one.what) : std::move(one.what));
  what->flags = repeats ? signal::left_out : signal::unbounded;
  if (one.notice) what->flags |= signal::notice;
  if (!one.to.here()) starter.choose_compression(*what);
  delivery::dispatch(starter.host(), one.to, std::move(what), nullptr);
}

base::nanos worker::remove_timer(process_record& starter, std::uint64_t id) {
  const auto taken = take_timer(starter, id);
  if (taken == nullptr) return -1;
  timers_.cancel(*taken);
  return std::max<base::nanos>(0, taken->deadline - base::mono_now());
}

void worker::drop_timers_of(process_record& dead) {
  dead.timers()->cancel(timers_);
  dead.related()->timers.reset();
}

base::nanos worker::timer_left(const process_record& starter, std::uint64_t id) {
  const started_timers* const all = starter.timers();
  const started_timer* found = all == nullptr ? nullptr : all->find(id);
  return found == nullptr ? -1 : std::max<base::nanos>(0, found->deadline - base::mono_now());
}

worker::glimpse worker::look() const {
  glimpse seen;
  // Stored last: the other values are of its turn or newer.
  seen.who = running_.load(std::memory_order_acquire);
  seen.since = turn_started_.load(std::memory_order_relaxed);
  seen.turn = turns_.load(std::memory_order_relaxed);
  seen.sleeping = sleeping_.load(std::memory_order_seq_cst);
  if (seen.who != nullptr) return seen;
  const base::nanos since = aside_since_.load(std::memory_order_relaxed);
  if (since == 0) return seen;
  seen.aside = true;
  seen.since = since;
  seen.turn = of_work(since);
  seen.node = part_of_.load(std::memory_order_relaxed);
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
