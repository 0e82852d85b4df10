// SPDX-License-Identifier: MIT
// A worker: a loop, a run queue, a timer wheel, stacks, and the thread that drives them. The thread's own
// stack polls the loop, fires timers, reclaims and sleeps; processes run on pooled stacks ("runners"), each
// of which runs turn after turn. A process that parks keeps the stack it is on, and the worker goes on with
// another runner; resuming switches back and leaves the runner in the pool: a handler that does not wait
// costs no switch. Who holds a worker's token touches the processes whose home it is, and nobody else: see
// placement.cpp, also for how processes move between workers, with the stack they are parked on.
//
// Sleeping: the three inboxes (announced processes, arriving ones, tasks) are lifos whose idle state is "the
// worker sleeps": it sleeps only when all could be set idle, and who pushes into an idle one wakes it.
#pragma once

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/uv.hpp"
#include "runtime/driver.hpp"
#include "runtime/fiber.hpp"
#include "runtime/freeze_group.hpp"
#include "runtime/lifo.hpp"
#include "runtime/process.hpp"
#include "runtime/process_table.hpp"
#include "runtime/run_queue.hpp"
#include "runtime/timer_wheel.hpp"

namespace coppice::runtime {

// What a parked process waits for. Lives on its stack.
struct wait : timer {
  wait() { deadline = INT64_MAX; } // none
  process* who = nullptr;
  fiber* stack = nullptr;   // that it is parked on; null: not yet, or it goes on
  std::uint64_t number = 0; // of the call reference, or unique among the process's waits
  pid at;                   // whose full mailbox it is parked at; none: something else
  bool ready = false;
  bool timed_out = false;
  bool done = false;  // a stop_waiting with this number came
  bool holds = false; // not even death ends it: a thread of the blocking pool uses this stack
  process_status shows = process_status::parked; // what the process is meanwhile
};

// A dead process whose stack is still in a callback.
struct linger_timer : timer {
  process* who = nullptr;
};

struct started_timer : timer {
  worker* home = nullptr;
  std::uint64_t id = 0;
  process* starter = nullptr; // it ends with it
  started_timer* next_of_starter = nullptr;
  started_timer* previous_of_starter = nullptr;
  destination to;
  message what;
};

class worker {
 public:
  worker(system& host, unsigned index);
  ~worker();

  // The worker whose thread this is, or null.
  static worker* current();

  base::status prepare(); // before start
  void start(driver& by);
  void ask_to_stop(); // any thread
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }
  // The driver's thread: until the worker stops, or is taken from this driver.
  void run(driver& by);

  system& host() const { return host_; }
  unsigned index() const { return index_; }
  uv_loop_t* loop() const { return loop_->raw(); }

  bool post(std::function<void()> task); // any thread

  // placement.cpp; on this worker's thread, for its own processes.
  void schedule(process& p); // it has a turn, if it is not to have one already
  void wake(process& p);     // the same, for a message that was added to those to be handled
  void receive_here(process& p, signal_ptr what);
  // Ends p's being scheduled. False: there are signals in its inbox, and it still is.
  static bool rest(process& p);
  // hold.cpp; on this worker's thread, between turns.
  void obey(const std::shared_ptr<freeze_group>& group, const freeze_group::order& what, bool was_busy);
  void attend(const std::shared_ptr<freeze_group>& group); // its members here are due for a turn
  // Any thread: p's inbox was idle, and the caller is the one that pushed. `here`: its worker, or null.
  static void announce(process& p, worker* here);

  // This thread, while it reads the process table outside the worker's own loop: in callbacks of libuv.
  void needs_online();

  // In the turn of `p`. Whether there is a stack to go on with: true must precede park().
  bool can_park() { return idle_runners_ != nullptr || add_runner(); }
  // Lets others run until p's wait is ready. p rests, or is in the run queue. p.home() may be another one
  // afterwards.
  void park(process& p);
  void yield(process& p); // with a wait that is ready
  process* running() const { return running_.load(std::memory_order_relaxed); }
  // After each message handled: true if the turn's time is up.
  bool turn_is_long();
  // The same as far as is known: the clock is read once for up to 4 messages, while those take some µs at
  // most.
  bool turn_seems_long();
  // The monotonic clock, at most some 10 µs old.
  base::nanos now();
  // The same, as it was last read: when this turn began, or later.
  base::nanos recent() const { return now_; }

  // The turn under way, as far as another thread can see. `who` may be gone unless the caller took care.
  struct glimpse {
    std::uint64_t turn = 0;
    process* who = nullptr; // null: none
    base::nanos since = 0;
    bool sleeping = false;
  };
  glimpse look() const; // any thread
  // Any thread; null: none yet.
  driver* driven_by() const { return driver_.load(std::memory_order_relaxed); }

  timer_wheel& timers() { return timers_; }
  std::uint64_t add_timer(process& starter, base::nanos deadline, const destination& to, message what);
  // The time left; -1: not one of its.
  base::nanos remove_timer(const process& starter, std::uint64_t id);
  base::nanos timer_left(const process& starter, std::uint64_t id) const;
  void drop_timers_of(const process& dead);

  // `p` died while parked: its stack has system_options::linger to unwind before it counts as abandoned.
  void expect_end_of(process& p);
  // The last callback of `p` is over: frees it once nobody can hold it.
  void retire(process& p);

  std::atomic<std::uint64_t> processes{0};
  std::atomic<std::uint64_t> spawned{0}; // from here; written by this worker's thread
  process_table::magazine slots;         // this worker's thread's
  worker_info info() const;

 private:
  friend class driver;
  struct retired {
    std::uint64_t ticket;
    process* who;
  };
  struct task {
    task* next = nullptr;
    std::function<void()> run;
  };

  enum class token : std::uint8_t {
    held,     // by the worker's own thread
    resting,  // it sleeps
    borrowed, // by another worker's thread, for some instructions
  };

  bool one_round(driver& by);
  void glance_at_clock();
  void take_inboxes();
  bool has_mail() const;
  void sleep();
  void spin();
  void poll();
  void reclaim();
  void free_spare_stacks();
  void drop_tasks();
  void drop_all();

  // placement.cpp
  bool fetch(process& p, worker& home);
  void take_announcements();
  void hear_of(process& p);
  static bool movable(const process& p);
  void give(process& p, worker& to);
  void take_arrivals();
  void let_go(process& p);
  void take_in(process& p);
  void share_backlog();
  void hunger();
  bool stop_hungering(); // any thread; true: it did hunger, and the caller feeds it, if not the worker itself

  [[noreturn]] static void runner(void*);
  static void run_turns();
  worker& turn(process& p);
  static void run_callbacks(process& p, std::uint32_t budget);   // of messages
  static void handle_messages(process& p, std::uint32_t budget); // the same
  static outcome handle(process& p, signal_ptr&& what);
  [[gnu::noinline]] static bool begin(process& p);
  [[gnu::noinline]] static void stop(process& p, const message& reason);
  static bool has_more(const process& p);
  // Dead, or a freezer has it: no message is handled.
  static bool halted(const process& p);
  // hold.cpp
  static void hold(process& p);
  static bool wants_turn(process& p, bool more);
  process* next_turn();
  process* next_member();
  void end_turn(process& p);
  [[gnu::noinline]] void end_turn_with_more(process& p);
  void look_at_the_time(const process& p);
  bool add_runner();
  fiber* take_runner();
  void own_stack(fiber& stack);
  void release_stack(fiber& stack);

  system& host_;
  const std::atomic<std::uint32_t>& freezers_;           // system::parts::freezers
  std::vector<std::shared_ptr<freeze_group>> attending_; // groups with members here that are due for a turn
  const unsigned index_;
  const base::nanos slow_after_; // system_options::watchdog
  std::unique_ptr<base::uv::loop> loop_;
  base::uv::async waker_handle_;
  base::uv::timer alarm_;
  base::uv::prepare before_waiting_;
  bool alarm_rang_ = false;
  std::atomic<driver*> driver_{nullptr};
  process* left_behind_ = nullptr; // by the driver that lost this worker: its turn is to be ended
  std::atomic<bool> stopping_{false};
  std::atomic<bool> stopped_{false};

  lifo<process, &process::next_announced_> announcements_{true};
  lifo<process, &process::next_in_queue_> arrivals_{true};
  lifo<task> tasks_{true};
  std::atomic<token> token_{token::held};
  std::atomic<bool> hungry_{false};
  alignas(64) run_queue_of<&process::next_in_queue_> queue_;
  timer_wheel timers_;
  std::unordered_map<std::uint64_t, std::unique_ptr<started_timer>> started_timers_;
  std::uint64_t next_timer_ = 0;
  std::unordered_map<process*, linger_timer> lingering_;

  fiber* thread_stack_ = nullptr; // the driver's own
  std::vector<std::unique_ptr<fiber>> stacks_;
  fiber* idle_runners_ = nullptr;
  fiber* current_fiber_ = nullptr;
  std::atomic<process*> running_{nullptr};

  std::deque<retired> retired_;
  base::nanos now_ = 0;
  std::atomic<base::nanos> turn_started_{0};
  std::atomic<base::nanos> round_started_{0};
  base::nanos last_poll_ = 0;
  unsigned glances_ = 1; // until the clock is read
  unsigned glances_between_ = 1;
  bool online_ = false;
  std::uint64_t clock_read_ = 0; // the processor's counter when now_ was read
  std::atomic<std::uint64_t> turns_{0};
  std::atomic<std::uint64_t> parked_{0};
  std::atomic<std::uint64_t> runnable_{0};
  std::atomic<bool> sleeping_{false};
  static void fire_started(timer& due);
  static void leave_starter(started_timer& one);
  void forget_timer(started_timer& one);
};

} // namespace coppice::runtime
