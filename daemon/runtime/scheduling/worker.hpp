// SPDX-License-Identifier: MIT
// A worker: a loop, a run queue, a timer wheel, stacks, and the thread that drives them. On the thread's own
// stack it polls the loop, fires timers, reclaims memory and sleeps. Processes run on pooled stacks
// ("runners"), each of which runs turn after turn. A process that parks keeps its stack, and the worker goes
// on with another runner. Resuming switches back and leaves the other runner in the pool, so a handler that
// does not wait costs no switch. Only the thread that holds the worker's token touches the processes whose
// home it is: see placement.cpp, also for how processes move between workers together with the stacks they
// are parked on.
//
// Sleeping: the three inboxes (notified processes, arriving processes, tasks) are lifos whose idle state
// means "the worker sleeps". It sleeps only when all of them could be set idle, and a thread that pushes into
// an idle inbox wakes it.
#pragma once

#include <uv.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/random_words.hpp"
#include "base/uv.hpp"
#include "runtime/freezing/gate.hpp"
#include "runtime/processes/process_record.hpp"
#include "runtime/processes/process_table.hpp"
#include "runtime/processes/started_timers.hpp"
#include "runtime/scheduling/busy_wait.hpp"
#include "runtime/scheduling/driver.hpp"
#include "runtime/scheduling/fiber.hpp"
#include "runtime/scheduling/movement.hpp"
#include "runtime/scheduling/run_queue.hpp"
#include "runtime/scheduling/timer_wheel.hpp"
#include "runtime/scheduling/turn_clock.hpp"
#include "runtime/scheduling/turn_laps.hpp"
#include "runtime/scheduling/turn_sampler.hpp"
#include "runtime/structures/lifo.hpp"

namespace coppice::runtime {

class class_tally;

// Decides when to read the clock after events that are frequent: at first after each, then after twice as
// many each time while they are quick.
class looks_at_clock {
 public:
  bool is_due() { return --left_ == 0; }
  // The clock was read, whether or not it was due.
  void looked(bool were_quick, unsigned most) {
    between_ = were_quick ? std::min(2 * between_, most) : 1;
    left_ = between_;
  }

 private:
  unsigned left_ = 1;
  unsigned between_ = 1;
};

// A dead process whose stack is still in a callback.
struct linger_timer : timer {
  process_record* who = nullptr;
  bool counted = false; // counted as abandoned: its time is over
};

class worker : public movement<worker, process_record> {
 public:
  worker(system& host, unsigned index);
  ~worker();

  // The worker whose thread this is; null: none.
  static worker* current();

  base::status prepare(); // before start
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
  void schedule(process_record& p, order of = order::last); // gives it a turn if it is not scheduled already
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

  // In the turn of `p`. True: there is a stack to go on with. Has to be true before park().
  bool can_park() { return idle_runners_ != nullptr || add_runner(); }
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
  // As turn_is_long(), but reads the clock only once for up to 4 messages, while they take some µs each.
  bool turn_seems_long();
  // The monotonic clock, at most about 10 µs old.
  base::nanos now();
  // Returns turn_counter(). The clock is read, too, if its last reading is older than about 10 µs.
  std::uint64_t read_counter();
  // The time at the last read of the clock: the beginning of this turn, or later.
  base::nanos recent() const { return now_; }

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
  // In a callback of the loop, or a task: a part of it begins or ends, which is for the connection of that
  // node and took `time`.
  void begin_part(std::uint32_t node) { part_of_.store(node, std::memory_order_relaxed); }
  void end_part(std::uint32_t node, base::nanos time);
  // Any thread. Null: it has not started.
  driver* driven_by() const { return driver_.load(std::memory_order_relaxed); }

  timer_wheel& timers() { return timers_; }
  // For a process whose home this is.
  std::uint64_t add_timer(process_record& starter, std::unique_ptr<started_timer> fresh);
  // The time left in ns; -1: the process has no such timer.
  base::nanos remove_timer(process_record& starter, std::uint64_t id);
  static base::nanos timer_left(const process_record& starter, std::uint64_t id);
  void drop_timers_of(process_record& dead);

  // On this worker's thread, which is not the one that the handler of `p` ran on: that handler was stuck, and
  // used so much processor time in a turn that began on this worker.
  void charge_stuck(process_record& p, work_kind kind, base::nanos ran);

  // For a process that no longer lingers. True: it already counts as abandoned.
  bool forget_lingering(process_record& p);
  // `p` died while it was parked. After system_options::linger its stack counts as abandoned.
  void expect_end_of(process_record& p);
  // The last callback of `p` has ended: frees it when no thread can hold it any more.
  void retire(process_record& p);

  std::atomic<std::uint64_t> processes{0};
  std::atomic<std::uint64_t> spawned{0}; // by this worker's thread, which alone writes it
  process_table::slot_cache slots;       // for this worker's thread
  base::random_words random;             // for this worker's thread
  worker_info info() const;

 private:
  friend class driver;
  struct retired {
    std::uint64_t ticket;
    process_record* who;
  };
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
  void free_spare_stacks();
  void drop_tasks();

  // placement.cpp
  void share_backlog();
  void want_work();
  // Any thread; true: it wanted work, and the caller gives it some, unless the caller is the worker itself.
  bool stop_wanting_work();

  [[noreturn]] static void runner(void*);
  static void run_turns();
  worker& turn(process_record& p);
  // A turn of `p` begins that is to be looked at closely, or to be measured whatever was drawn. True: looked
  // at closely.
  [[gnu::cold, gnu::noinline]] bool begin_measured(const process_record& p);
  // See run_callbacks(). `lapped`: laps_ was on when the turn began. A constant where it is called.
  static void handle_messages(process_record& p, std::uint32_t budget, bool lapped);
  [[gnu::cold, gnu::noinline]] static void handle_messages_lapped(process_record& p, std::uint32_t budget);
  // Handles a message in a turn that was looked at closely when it began.
  static outcome handle_lapped(process_record& p, signal_ptr what);
  // The entry of p's class. Throws only without memory.
  static class_tally& tally_of(const process_record& p);
  // Adds the messages that p's turn has noted.
  [[gnu::cold, gnu::noinline]] void count_noted(const process_record& p);
  // The turn of `p` that is looked at closely is over.
  [[gnu::cold, gnu::noinline]] void end_laps(const process_record& p);
  // Work of this kind has taken so long in p's turn. For a turn that was not looked at closely.
  [[gnu::cold, gnu::noinline]] static void count_kind(const process_record& p, work_kind kind,
                                                      base::nanos ran);
  // Adds ns of processor time to `p` and its class.
  void charge(process_record& p, base::nanos ran);
  [[gnu::cold, gnu::noinline]] static void charge_class(const process_record& p, base::nanos ran);
  // The measured turn of `p` ends. `counts_once`: whatever its weight. Returns its processor time.
  base::nanos charge_measured(process_record& p, std::uint64_t counter, bool counts_once);
  // A turn of `p` ends that was not measured, but seen by the watchdog. It has held the worker for `held` ns
  // of wall time. Returns its processor time.
  [[gnu::cold, gnu::noinline]] base::nanos charge_seen(process_record& p, base::nanos held);
  void lap_next(); // the next turn is looked at closely
  // The next turn begins, and is the one that is measured.
  void measure_next(std::uint64_t counter, std::uint32_t weight) {
    clock_.begin(counter, weight);
    turns_left_ = 1;
  }
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
  // turn, so after quick turns it is not always read: before and after a turn that is measured, and once in
  // `most_turns`. It is read after every slow one: while that lasts, the watchdog looks, and then the clock
  // is due.
  [[gnu::always_inline]] void look_at_the_time(process_record& p) {
    const std::uint32_t looks = looks_.load(std::memory_order_relaxed);
    if (--turns_left_ == 0 || looks != looks_seen_) read_the_time(p, looks);
  }
  // `looks`: how often the watchdog has looked. Reports a slow turn to the watchdog, and ends a measured one.
  [[gnu::noinline]] void read_the_time(process_record& p, std::uint32_t looks);
  bool goes_on_in_row(const process_record& p);
  bool add_runner();
  // Makes sure that there is a stack to run on, also beyond the limit. False: the machine gives none. For the
  // worker's thread, or while that does not use the worker: before its start and at a hand-over.
  bool needs_runner();
  bool make_runner();
  fiber* take_runner();
  // For the worker's thread, or a thread that acts for it: at a move and at a hand-over.
  void count_parked(int by) {
    parked_.store(parked_.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(by),
                  std::memory_order_relaxed);
  }
  void own_stack(fiber& stack);
  void release_stack(fiber& stack);

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
  alignas(64) run_queue_of<&process_record::next_in_queue> queue_;
  timer_wheel timers_;
  // Of a timer's id: its lowest bits are the worker's index, see completed() in system.cpp.
  static constexpr unsigned index_bits = 10;
  std::uint64_t next_timer_ = 0;
  std::unordered_map<process_record*, linger_timer> lingering_;

  fiber* thread_stack_ = nullptr; // of the driver's thread
  std::vector<std::unique_ptr<fiber>> stacks_;
  fiber* idle_runners_ = nullptr;
  bool no_stack_ = false; // the machine gave none when one was last asked for
  fiber* current_fiber_ = nullptr;
  std::atomic<process_record*> running_{nullptr};

  std::deque<retired> retired_;
  base::nanos now_ = 0;
  std::atomic<base::nanos> turn_started_{0};
  std::atomic<base::nanos> round_started_{0};
  std::atomic<base::nanos> aside_since_{0}; // 0: no work aside from turns
  std::atomic<base::nanos> longest_{0};
  std::atomic<std::uint32_t> part_of_{0}; // the node for which work aside from turns goes on. 0: not known
  base::nanos longest_part_ = 0;          // of the present work aside from turns
  std::uint32_t longest_part_of_ = 0;     // the node of that part
  base::nanos last_poll_ = 0;
  unsigned rounds_unpolled_ = 0; // since the last poll of the loop
  looks_at_clock messages_;
  std::uint32_t turns_left_ = 1; // until the clock is read at the end of one
  std::uint32_t gap_left_ = 1;   // turns from then to the one that is measured
  std::uint32_t looks_seen_ = 0; // value of looks_ at the last end of a turn that read the clock
  bool laps_next_ = false;       // the next turn is looked at closely
  bool online_ = false;
  std::uint64_t clock_read_ = 0; // turn_counter() when now_ was read
  // A row of turns in which calls and answers hand the next turn on to each other.
  process_record* handed_on_ = nullptr; // the process that has the next turn; it may have been freed
  bool hands_on_ = false;               // the present turn may hand the next one on
  unsigned in_a_row_ = 0;
  base::nanos row_began_ = 0;
  std::atomic<std::uint64_t> turns_{0};
  std::atomic<std::uint64_t> parked_{0};
  std::atomic<std::uint64_t> runnable_{0};
  std::atomic<bool> sleeping_{false};

  // Processor time of turns.
  std::uint32_t until_lapped_ = 1;  // measured turns; after the last one a turn is looked at closely
  std::uint32_t lap_weight_ = 1;    // turns that it stands for
  std::uint64_t looked_at_ = 0;     // turn_counter() when it was last read
  std::uint64_t idle_from_ = 0;     // the same, before the worker was idle. 0: not since the last round
  std::uint64_t turn_ended_at_ = 0; // turn_counter() at the last end of a turn that read the clock
  std::uint64_t uncharged_ = 0;     // ns, less than a unit of process_record::add_time()
  turn_clock clock_;
  turn_sampler sampler_;
  turn_sampler lap_sampler_; // of measured turns
  turn_laps laps_;
  static void fire_started(timer& due);
  static std::unique_ptr<started_timer> take_timer(process_record& starter, std::uint64_t id);
};

// For a process that got a message. Does nothing if the process waits for something else.
[[gnu::always_inline]] inline void worker::wake(process_record& p, order of) {
  if (p.scheduled || (p.parked_on() != nullptr && !p.waiting->ready)) return;
  p.woken_from.forget();
  schedule(p, of);
}

[[gnu::always_inline]] inline void worker::schedule(process_record& p, order of) {
  if (p.scheduled) return;
  p.scheduled = true;
  const priority urgency = p.priority.load(std::memory_order_relaxed);
  if (of == order::last || !hands_on_ || urgency != priority::normal) return queue_.push(&p, urgency);
  hands_on_ = false;
  handed_on_ = &p;
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
  if (!scheduled) woken_from.forget();
  home().schedule(*this, worker::order::first);
  return true;
}

inline std::uint64_t process_record::new_number() {
  return reference::number_of(++next_count, home().random.next());
}

inline bool worker::rest(process_record& p) {
  if (!p.mailbox.rest()) return false;
  p.scheduled = false;
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
