// SPDX-License-Identifier: MIT
// A worker: a loop, a run queue, a timer wheel, stacks, and the thread that drives them. The thread's own
// stack polls the loop, fires timers, reclaims and sleeps; processes run on pooled stacks ("runners"), each
// of which runs turn after turn. A process that parks keeps the stack it is on, and the worker goes on with
// another runner; resuming switches back and leaves the runner in the pool: a handler that does not wait
// costs no switch. Only this worker's thread touches a process whose home it is, but for its inbox.
//
// Sleeping: the two inboxes (ready processes, tasks) are lifos whose idle state is "the worker sleeps": it
// sleeps only when both could be set idle, and who pushes into an idle one sends the wake-up.
#pragma once

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/uv.hpp"
#include "runtime/block.hpp"
#include "runtime/fiber.hpp"
#include "runtime/lifo.hpp"
#include "runtime/process.hpp"
#include "runtime/run_queue.hpp"
#include "runtime/timer_wheel.hpp"

namespace coppice::runtime {

// What a parked process waits for. Lives on its stack.
struct wait : timer {
  process* who = nullptr;
  std::uint64_t number = 0; // of the call reference, or unique among the process's waits
  pid at;                   // whose full mailbox it is parked at; none: something else
  bool ready = false;
  bool timed_out = false;
  bool done = false;  // a stop_waiting with this number came
  bool holds = false; // not even death ends it: a thread of the blocking pool uses this stack
};

// A dead process whose stack is still in a callback.
struct linger_timer : timer {
  process* who = nullptr;
};

struct started_timer : timer {
  worker* home = nullptr;
  std::uint64_t id = 0;
  pid starter;
  destination to;
  message what;
};

class worker {
 public:
  worker(system& host, unsigned index, block_pool& blocks);
  ~worker();

  // The worker whose thread this is, or null.
  static worker* current();

  base::status prepare(); // before start
  void start();
  void ask_to_stop(); // any thread
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }
  void join() { thread_.join(); }

  system& host() const { return host_; }
  unsigned index() const { return index_; }
  uv_loop_t* loop() const { return loop_->raw(); }

  // Any thread. `p` was idle, and the caller is the one that woke it.
  void make_ready(process& p);
  bool post(std::function<void()> task);

  // This thread, while it reads the process table outside the worker's own loop: in callbacks of libuv.
  void needs_online();

  // In the turn of `p`. Whether there is a stack to go on with: true must precede park().
  bool can_park();
  // Lets others run until p's wait is ready. p's inbox is idle, or p is in the run queue.
  void park(process& p);
  process* running() const { return running_; }
  // After each message handled: true if the turn's time is up.
  bool turn_is_long();
  // The monotonic clock, at most some 10 µs old.
  base::nanos now();
  // The same, as it was last read: when this turn began, or later.
  base::nanos recent() const { return now_; }

  timer_wheel& timers() { return timers_; }
  std::uint64_t add_timer(base::nanos deadline, const pid& starter, const destination& to, message what);
  base::nanos remove_timer(std::uint64_t id);
  base::nanos timer_left(std::uint64_t id) const;

  // `p` died while parked: its stack has system_options::linger to unwind before it counts as abandoned.
  void expect_end_of(process& p);
  // The last callback of `p` is over: frees it once nobody can hold it.
  void retire(process& p);

  std::atomic<std::uint64_t> processes{0};
  worker_info info() const;

 private:
  struct retired {
    std::uint64_t ticket;
    process* who;
  };
  struct task {
    task* next = nullptr;
    std::function<void()> run;
  };

  void run();
  bool one_round();
  void take_inboxes();
  void sleep();
  void spin();
  void poll();
  void reclaim();
  void free_spare_stacks();
  void drop_tasks();
  void drop_all();

  [[noreturn]] static void runner(void* self);
  void run_turns();
  void turn(process& p);
  void run_callbacks(process& p);
  void end_turn(process& p);
  fiber* take_runner();

  system& host_;
  const unsigned index_;
  block_pool& blocks_;
  std::unique_ptr<base::uv::loop> loop_;
  base::uv::async waker_;
  base::uv::timer alarm_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> stopped_{false};

  lifo<process, &process::next_ready_> ready_{true};
  lifo<task> tasks_{true};
  alignas(64) run_queue_of<&process::next_ready_> queue_;
  timer_wheel timers_;
  std::unordered_map<std::uint64_t, std::unique_ptr<started_timer>> started_timers_;
  std::uint64_t next_timer_ = 0;
  std::unordered_map<process*, linger_timer> lingering_;

  std::unique_ptr<fiber> thread_stack_;
  std::vector<std::unique_ptr<fiber>> stacks_;
  fiber* idle_runners_ = nullptr;
  fiber* current_fiber_ = nullptr;
  process* running_ = nullptr;
  std::uint32_t stacks_limit_;

  std::deque<retired> retired_;
  base::nanos now_ = 0;
  base::nanos turn_started_ = 0;
  base::nanos round_started_ = 0;
  base::nanos last_poll_ = 0;
  bool online_ = false;
  std::uint64_t clock_read_ = 0; // the processor's counter when now_ was read
  std::atomic<std::uint64_t> turns_{0};
  std::atomic<std::uint64_t> parked_{0};
  std::atomic<std::uint64_t> runnable_{0};
  std::atomic<bool> sleeping_{false};
  static void fire_started(timer& due);
};

} // namespace coppice::runtime
