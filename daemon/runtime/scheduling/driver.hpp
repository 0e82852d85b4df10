// SPDX-License-Identifier: MIT
// Threads that drive workers, and the pool of them. A driver drives the same worker for life, unless a
// handler gets stuck in foreign code: then the watchdog hands the worker to a spare driver, and the process
// counts as waiting for its own handler. When the foreign code returns, the old driver leaves the handler's
// stack to the worker, tells the process, and becomes a spare. A thread lives as long as the driver_pool,
// since stacks that ran on it may hold addresses of its thread-local variables.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/heap_account.hpp"
#include "runtime/attribution.hpp"
#include "runtime/messages/block.hpp"
#include "runtime/scheduling/driving.hpp"
#include "runtime/scheduling/fiber.hpp"
#include "runtime/scheduling/thread_clock.hpp"

namespace coppice::runtime {

class driver_pool;
class foreign_code;
class process_record;
class worker;
struct wait;

class driver {
 public:
  driver(driver_pool& of, block_pool& blocks);
  ~driver(); // ends the thread; it may not drive a worker
  driver(const driver&) = delete;
  driver& operator=(const driver&) = delete;

  // The driver of this thread; null: none.
  static driver* current();
  // Whether this thread has p's turn, even if its worker has been taken from it.
  static bool has_turn_of(const process_record& p);

  // For a signal handler and inside malloc: the process whose turn this thread has; null: none.
  static const process_record* running_here();
  // Inside malloc: the plugin whose callback runs on this thread.
  static base::heap::owner charged_here();
  // For a signal handler: the process in whose stack guard `address` is, on this thread; null: none.
  static const process_record* overflowed(const void* address, std::size_t& stack_bytes);

  // For the driver_pool's or the watchdog's thread. This driver has to be a spare.
  void drive(worker& next);
  // The watchdog, while `p` cannot leave its foreign code: gives `w`, which runs `p`, to the spare driver
  // `to`. False, and nothing is changed: there is no stack on which `w` could go on.
  static bool hand_over(worker& w, process_record& p, const foreign_code& code, driver& to);
  // On the thread that lost its worker in `p`, on p's stack. Returns on the worker's new thread.
  static void rejoin(process_record& p);

  // The stack of this driver's thread.
  fiber& stack() { return *stack_; }
  // Null: the thread has not begun. Valid as long as the driver.
  const thread_clock* clock() const { return clock_.load(std::memory_order_acquire); }
  bool lost() const { return drives_.lost() != nullptr; }

 private:
  friend class driver_pool;
  friend class worker;
  void serve();
  void report_back();
  // Processor time of the turn in which the worker was lost, which began at `since`, until now. Any thread,
  // while the thread is in that turn.
  base::nanos time_in_handler(base::nanos since) const;

  driver_pool& drivers_;
  block_pool& blocks_;
  std::unique_ptr<fiber> stack_; // of this driver's thread, not from the pool
  std::atomic<const thread_clock*> clock_{nullptr};
  driving<worker, process_record> drives_;
  std::uint64_t lost_number_ = 0; // of held_
  base::nanos ran_before_ = 0;    // processor time of the thread before the turn that it is stuck in
  work_kind lost_kind_ = work_kind::other;
  std::unique_ptr<wait> held_;            // the wait of the process that this thread is stuck in
  std::optional<stuck_handler> stuck_in_; // guarded by driver_pool::lock_
  std::mutex lock_;                       // guards next_ and ending_
  worker* next_ = nullptr;
  bool ending_ = false;
  std::condition_variable more_;
  std::thread thread_;
};

class driver_pool {
 public:
  // Most threads beyond one for each worker.
  static constexpr unsigned most_spares = 64;

  // `pools`: one for each possible driver.
  explicit driver_pool(std::vector<block_pool>& pools) : pools_(pools) {}

  // A driver without a worker. Null: all are in use, or the machine gives no thread. Any thread.
  driver* spare();
  void put_back(driver& unused);
  // Threads whose worker was taken away and that have not come back.
  std::uint64_t stuck() const { return stuck_.load(std::memory_order_relaxed); }
  // The handlers that these threads are in, in no order. Any thread.
  std::vector<stuck_handler> stuck_in();
  // Processor time of the turn of this process that a thread is stuck in; 0: of none. Any thread.
  base::nanos time_stuck_in(const pid& of);
  // Ends all threads; none may drive a worker.
  void end();

 private:
  friend class driver;
  void note(driver& of, std::optional<stuck_handler> in);
  std::vector<block_pool>& pools_;
  std::atomic<std::uint64_t> stuck_{0};
  std::mutex lock_; // guards all_, spares_ and driver::stuck_in_
  std::vector<std::unique_ptr<driver>> all_;
  std::vector<driver*> spares_;
};

} // namespace coppice::runtime
