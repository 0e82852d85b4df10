// SPDX-License-Identifier: MIT
// A worker: a loop, a run queue, a timer wheel, stacks, and the thread that drives them. On the thread's own
// stack it polls the loop, fires timers, reclaims memory and sleeps. Processes run on pooled stacks
// ("runners"), each of which runs turn after turn. A process that parks keeps its stack, and the worker goes
// on with another runner. Only the thread that holds the worker's token touches the processes whose
// home it is: see placement.cpp, also for how processes move between workers together with the stacks they
// are parked on.
//
// Sleeping: the three inboxes (notified processes, arriving processes, tasks) are lifos whose idle state
// means "the worker sleeps". It sleeps only when all of them could be set idle, and a thread that pushes into
// an idle inbox wakes it.
#pragma once

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/random_words.hpp"
#include "base/uv.hpp"
#include "runtime/freezing/gate.hpp"
#include "runtime/processes/process_record.hpp"
#include "runtime/processes/process_table.hpp"
#include "runtime/scheduling/busy_wait.hpp"
#include "runtime/scheduling/driver.hpp"
#include "runtime/scheduling/ended_processes.hpp"
#include "runtime/scheduling/movement.hpp"
#include "runtime/scheduling/process_timers.hpp"
#include "runtime/scheduling/run_queue.hpp"
#include "runtime/scheduling/runner_pool.hpp"
#include "runtime/scheduling/timer_wheel.hpp"
#include "runtime/scheduling/turn_meter.hpp"
#include "runtime/scheduling/turn_row.hpp"
#include "runtime/scheduling/work_aside.hpp"
#include "runtime/scheduling/worker_clock.hpp"
#include "runtime/structures/atomics.hpp"
#include "runtime/structures/lifo.hpp"

namespace coppice::runtime {

class worker : public movement<worker, process_record> {
 public:
  worker(system& host, unsigned index);
  ~worker();

  // The worker whose thread this is; null: none.
  static worker* current();

  base::status prepare(); // before start
  // This driver drives it from now on.
  void start(driver& by);
  void ask_to_stop(); // any thread
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }
  // Frees the records of processes that have ended. For the thread that ends the system, after all workers
  // have ended and no thread looks at processes.
  void free_processes();
  // The driver's thread. Returns when the worker stops or is taken from this driver.
  void run(driver& by);

  system& host() const { return host_; }
  unsigned index() const { return index_; }
  std::uint32_t creation() const { return creation_; } // system::creation()
  uv_loop_t* loop() const { return loop_->raw(); }

  bool post(std::function<void()> task); // any thread

  // placement.cpp. On this worker's thread, for its own processes.
  // Where a woken process goes in the run queue. `first`, for a callee or the caller of an answered call:
  // before all others of normal priority, unless calls have been first for too long.
  enum class order : bool { last, first };
  void schedule(process_record& p, order of = order::last); // gives it a turn if it is not queued already
  void wake(process_record& p, order of = order::last);     // gives it a turn for a message that was enqueued
  void receive_here(process_record& p, signal_ptr what);
  // Ends p's turn or place in the queue. False: there are signals in its inbox, and it stays scheduled.
  static bool rest(process_record& p);
  // On this worker's thread, between turns.
  gate& gate_of() { return gate_; }
  // Ready processes for which `hurries` is true go before all others.
  template <class Hurries>
  void hurry(Hurries hurries) {
    queue_.hurry(hurries);
  }
  process_record* next_queued() { return queue_.pop(); }
  bool is_even_turn() const { return turns_.load(std::memory_order_relaxed) % 2 == 0; }
  // In p's turn: calls its init if that is still to come, and handles at most `messages` messages.
  static void run_callbacks(process_record& p, std::uint32_t messages);
  // Any thread, if its push found p's inbox idle. `here`: the worker whose thread this is; null: none.
  static void notify(process_record& p, worker* here);

  // For movement: this worker's thread, or a thread that has borrowed its token.
  void wake_thread() { waker_handle_.send(); } // any thread
  bool shares_processes_with(const worker& other) const { return &other.host_ == &host_; }
  static bool movable(const process_record& p); // for its home's thread
  void let_go(process_record& p);
  void take_in(process_record& p);
  void take_notification(process_record& p);
  void take_arrival(process_record& p);

  // This thread, before it reads the process table outside the worker's own loop: in callbacks of libuv.
  void needs_online();

  // In the turn of `p`. True: there is a stack to go on with. Has to be true before park(). `of_reserve`: see
  // runner_pool.
  bool can_park(bool of_reserve = false) { return runners_.can_park(of_reserve); }
  void give_back_reserve() { runners_.give_back_reserve(); }
  // Lets other processes run until p's wait is ready. p is unscheduled or in the run queue. Afterwards
  // p.home() may be another worker.
  void park(process_record& p);
  void yield(process_record& p); // with a wait that is ready
  // Acquire: a thread that lost this worker, and sees the process that runs now, also sees that it lost the
  // worker.
  process_record* running() const { return running_.load(std::memory_order_acquire); }
  // Release: for driving::has_turn_of().
  void set_running(process_record* p) { running_.store(p, std::memory_order_release); }
  // After each handled message: true: the turn's time is used up.
  bool turn_is_long();
  // As turn_is_long(), but may read no clock: see worker_clock::after_message().
  bool turn_seems_long();
  // The monotonic clock, at most about 10 µs old.
  base::nanos now() { return clock_.now(); }
  // The time at the last read of the clock: the beginning of this turn, or later.
  base::nanos recent() const { return clock_.recent(); }

  // The present turn, as another thread sees it. `who` may have been freed unless the caller holds a guard.
  struct glimpse {
    std::uint64_t turn = 0;
    process_record* who = nullptr; // null: no turn
    base::nanos since = 0;
    bool sleeping = false;
    // Work that is no turn: callbacks of the loop, or tasks. `turn` is that of_work(since).
    bool aside = false;
    std::uint32_t node = 0; // of such work: the node whose connection it is for. 0: not known
  };
  glimpse look() const; // any thread
  // A number for work aside from turns that began at `since`. No turn has it.
  static std::uint64_t of_work(base::nanos since) {
    return std::uint64_t{1} << 63 | static_cast<std::uint64_t>(since);
  }
  // In a callback of the loop, or a task: for its parts.
  work_aside& beside_turns() { return aside_; }
  // Any thread. Null: it has not started.
  driver* driven_by() const { return driver_.load(std::memory_order_relaxed); }

  timer_wheel& timers() { return timers_; }
  process_timers& timers_started() { return started_; }
  ended_processes& ended() { return ended_; }

  // For the watchdog's thread, which gives this worker to another driver while `p` cannot leave the foreign
  // code that its turn, which began at turn_began(), is in.
  base::nanos turn_began() const { return turn_started_.load(std::memory_order_relaxed); }
  // False: there is no other stack on which the worker could go on.
  bool can_leave_turn() { return runners_.needs_one(); }
  // p's turn is to be ended by the next driver. Returns the processor time that the thread had used before
  // it.
  base::nanos leave_turn(process_record& p);
  // The stuck handler of `p` has come back, on the thread of its worker, which has lost p's turn meanwhile:
  // it used so much processor time.
  void end_left_turn(process_record& p, work_kind kind, base::nanos ran);
  // The stack that it runs on. Also for a signal handler on its thread.
  fiber* stack() const { return runners_.present(); }

  // The last callback of `p` has ended: frees it when no thread can hold it any more.
  void retire(process_record& p);

  std::atomic<std::uint64_t> processes{0};
  std::atomic<std::uint64_t> spawned{0}; // by this worker's thread, which alone writes it
  process_table::slot_cache slots;       // for this worker's thread
  base::random_words random;             // for this worker's thread
  worker_info info() const;

 private:
  struct task {
    task* next = nullptr;
    std::function<void()> run;
  };

  bool one_round(driver& by);
  void take_inboxes();
  bool has_mail() const;
  // Calls work(), which is no process's turn, so that the watchdog sees it.
  template <class Work>
  void aside(Work&& work);
  void end_aside(base::nanos since);
  base::nanos waited_until() const;
  void end_woken();
  // Something has held the worker for so long, in ns of wall time.
  void note_longest(base::nanos held) {
    if (held > longest_.load(std::memory_order_relaxed)) longest_.store(held, std::memory_order_relaxed);
  }
  void sleep();
  void fall_asleep();
  void look_around();
  bool wants_poll() const;
  void poll();
  void reclaim();
  void drop_tasks();

  // placement.cpp
  void share_backlog();
  void want_work();
  // Any thread; true: it wanted work, and the caller gives it some, unless the caller is the worker itself.
  bool stop_wanting_work();

  [[noreturn]] static void runner(void*);
  static void run_turns();
  worker& turn(process_record& p);
  // See run_callbacks(). `lapped`: the turn is looked at closely. A constant where it is called.
  static void handle_messages(process_record& p, std::uint32_t budget, bool lapped);
  [[gnu::cold, gnu::noinline]] static void handle_messages_lapped(process_record& p, std::uint32_t budget);
  // Handles a message in a turn that was looked at closely when it began.
  static outcome handle_lapped(process_record& p, signal_ptr what);
  // The border of a turn: calls work() for p. If it throws, p ends with {exception, Type, What}.
  template <class Work>
  static void guarded(process_record& p, Work&& work);
  // Logs the exception and returns the exit reason. Only in a catch block.
  static message escaped(const process_record& p) noexcept;
  static outcome handle(process_record& p, signal_ptr&& what);
  // Handles a message that is no ordinary one: of process::ask(), as request or result; a parcel; and
  // receive_io.
  [[gnu::noinline]] static outcome handle_asked(process_record& p, signal_ptr what);
  [[gnu::noinline]] static bool begin(process_record& p);
  [[gnu::noinline]] static void stop(process_record& p, const message& reason);
  static bool has_more(const process_record& p);
  void end_turn(process_record& p);
  [[gnu::noinline]] void end_turn_with_more(process_record& p);
  // After p's turn or park: the next turn begins now. Reading a clock takes as long as a part of a short
  // turn, so after quick turns it is not always read: before and after a turn that is measured, and at times
  // between. It is read after every slow one: while that lasts, the watchdog looks, and then the clock is
  // due.
  [[gnu::always_inline]] void look_at_the_time(process_record& p) {
    const std::uint32_t looks = looks_.load(std::memory_order_relaxed);
    if (meter_.is_due(looks)) read_the_time(p, looks);
  }
  // `looks`: how often the watchdog has looked. Reports a slow turn to the watchdog, and ends a measured one.
  [[gnu::noinline]] void read_the_time(process_record& p, std::uint32_t looks);
  // For the worker's thread, or a thread that acts for it: at a move and at a hand-over.
  void count_parked(int by) {
    parked_.store(parked_.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(by),
                  std::memory_order_relaxed);
  }

  system& host_;
  const std::atomic<std::uint32_t>& freezers_; // system_core::freezers
  const std::atomic<std::uint32_t>& looks_;    // system_core::looks
  gate gate_{*this};
  const unsigned index_;
  const std::uint32_t creation_;
  const base::nanos slow_after_; // system_options::watchdog
  busy_wait busy_wait_;
  std::unique_ptr<base::uv::loop> loop_;
  base::uv::async waker_handle_;
  base::uv::timer alarm_;
  base::uv::prepare before_waiting_;
  base::uv::check after_waiting_; // started during a long wait
  bool alarm_rang_ = false;
  bool going_to_sleep_ = false; // the loop's next wait is a long one
  std::atomic<driver*> driver_{nullptr};
  // Left by the driver that lost this worker; its turn has to be ended.
  process_record* left_behind_ = nullptr;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> stopped_{false};

  lifo<task> tasks_{true};
  std::atomic<bool> wants_work_{false};
  alignas(64) run_queue queue_;
  timer_wheel timers_;
  process_timers started_{timers_, index_};
  ended_processes ended_{host_, timers_};

  runner_pool runners_;
  machine_atomics::atomic<process_record*> running_{nullptr};

  worker_clock clock_;
  std::atomic<base::nanos> turn_started_{0};
  std::atomic<base::nanos> round_started_{0};
  std::atomic<base::nanos> longest_{0};
  work_aside aside_;
  base::nanos last_poll_ = 0;
  unsigned rounds_unpolled_ = 0; // since the last poll of the loop
  bool online_ = false;
  std::uint64_t idle_from_ = 0; // turn_counter() before the worker was idle. 0: not since the last round
  turn_row row_;
  std::atomic<std::uint64_t> turns_{0};
  std::atomic<std::uint64_t> parked_{0};
  std::atomic<std::uint64_t> runnable_{0};
  machine_atomics::atomic<bool> sleeping_{false};
  turn_meter meter_;
};

// For a process that got a message. Does nothing if the process waits for something else.
[[gnu::always_inline]] inline void worker::wake(process_record& p, order of) {
  if (p.schedule.queued || (p.parked_on() != nullptr && !p.waiting->ready)) return;
  p.schedule.woken_from.forget();
  schedule(p, of);
}

[[gnu::always_inline]] inline void worker::schedule(process_record& p, order of) {
  if (p.schedule.queued) return;
  p.schedule.queued = true;
  const priority urgency = p.priority.load(std::memory_order_relaxed);
  if (of == order::last || urgency != priority::normal || !row_.hand_on(p)) return queue_.push(&p, urgency);
  queue_.push_first(&p);
}

[[gnu::always_inline]] inline pid process_record::id() const {
  return self_here.whole(home().creation());
}

[[gnu::always_inline]] inline bool process_record::settle_here(std::uint64_t number, const pid& from,
                                                               message& reply) {
  direct_call* const call = direct;
  if (call == nullptr || call->number != number || call->answered || dead || call->target != from)
    return false;
  if (mailbox.has_pushed()) take_pushed();
  if (mailbox.has_pending()) return false;
  call->answered = true;
  call->bare = true;
  call->result = std::move(reply);
  if (waiting == nullptr || waiting->number != number) return true;
  waiting->ready = true;
  if (!schedule.queued) schedule.woken_from.forget();
  home().schedule(*this, worker::order::first);
  return true;
}

inline std::uint64_t process_record::new_number() {
  return reference::number_of(++next_count, home().random.next());
}

inline bool worker::rest(process_record& p) {
  if (!p.mailbox.rest()) return false;
  p.schedule.queued = false;
  return true;
}

// Whether p has more to do at the end of its turn.
inline bool worker::has_more(const process_record& p) {
  return p.mailbox.has_messages() || p.parked_on() != nullptr || p.mailbox.has_pending() ||
         p.mailbox.has_line() || gate::shuts_out(p);
}

[[gnu::always_inline]] inline void worker::end_turn(process_record& p) {
  set_running(nullptr);
  p.settle_reductions();
  if (!has_more(p)) [[likely]] {
    p.set_status(process_status::waiting);
    if (rest(p)) return;
  }
  end_turn_with_more(p);
}

} // namespace coppice::runtime
