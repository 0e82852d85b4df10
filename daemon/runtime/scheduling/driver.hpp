// SPDX-License-Identifier: MIT
// A thread that drives a worker, and the driver_pool of them. One drives the same worker for life, unless it gets
// stuck in foreign code: then the watchdog hands the worker to a spare driver, and the process in question
// counts as waiting for its own handler. When the foreign code comes back to ours, the old driver leaves the
// handler's stack to the worker, tells the process and becomes a spare. A driver's thread lives as long as
// the driver_pool: stacks that ran on it may hold addresses of its thread-local variables.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/messages/block.hpp"
#include "runtime/scheduling/driving.hpp"
#include "runtime/scheduling/fiber.hpp"
#include "runtime/scheduling/thread_clock.hpp"

namespace coppice::runtime {

class driver_pool;
class process_record;
class worker;
struct wait;

class driver {
 public:
  driver(driver_pool& of, block_pool& blocks);
  ~driver(); // ends the thread, which drives nothing
  driver(const driver&) = delete;
  driver& operator=(const driver&) = delete;

  // That of this thread, or null.
  static driver* current();
  // Whether this thread has p's turn, be it that its worker was taken meanwhile.
  static bool has_turn_of(const process_record& p);

  // In a signal handler: the process whose turn this thread has, or null.
  static const process_record* running_here();
  // In a signal handler: the process whose stack's guard this address on this thread is in, or null.
  static const process_record* overflowed(const void* address, std::size_t& stack_bytes);

  // The driver_pool's or the watchdog's thread; this driver is a spare.
  void drive(worker& next);
  // The watchdog, while `p` cannot leave its foreign code: `w`, which runs it, goes to the spare driver `to`.
  // False, and nothing is changed: there is no stack for `w` to go on with.
  static bool hand_over(worker& w, process_record& p, driver& to);
  // On the thread that lost its worker in `p`, on p's stack: returns on the worker's new thread.
  static void rejoin(process_record& p);

  // This driver's thread.
  fiber& stack() { return *stack_; }
  // Null: the thread has not begun. Valid as long as the driver.
  const thread_clock* clock() const { return clock_.load(std::memory_order_acquire); }
  bool lost() const { return drives_.lost() != nullptr; }

 private:
  friend class driver_pool;
  friend class worker;
  void serve();
  void report_back();

  driver_pool& drivers_;
  block_pool& blocks_;
  std::unique_ptr<fiber> stack_; // of the thread itself
  std::atomic<const thread_clock*> clock_{nullptr};
  driving<worker, process_record> drives_;
  std::uint64_t lost_number_ = 0; // of the wait
  std::unique_ptr<wait> held_;    // what the process waits for meanwhile
  std::mutex lock_;               // guards the next two
  worker* next_ = nullptr;
  bool ending_ = false;
  std::condition_variable more_;
  std::thread thread_;
};

class driver_pool {
 public:
  // Threads beyond one a worker.
  static constexpr unsigned most_spares = 64;

  // `pools`: one for each driver there can be.
  explicit driver_pool(std::vector<block_pool>& pools) : pools_(pools) {}

  // One that drives nothing; null: all are in use, or the machine gives no thread. Any thread.
  driver* spare();
  void put_back(driver& unused);
  // Threads whose worker was taken from them and that have not come back.
  std::uint64_t stuck() const { return stuck_.load(std::memory_order_relaxed); }
  // Ends all threads. None drives a worker.
  void end();

 private:
  friend class driver;
  std::vector<block_pool>& pools_;
  std::atomic<std::uint64_t> stuck_{0};
  std::mutex lock_; // guards the next two
  std::vector<std::unique_ptr<driver>> all_;
  std::vector<driver*> spares_;
};

} // namespace coppice::runtime
