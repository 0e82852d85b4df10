// SPDX-License-Identifier: MIT
// Looks after handlers that hold their worker too long. Over the limit (system_options::watchdog) one is
// named in the log and counted, once; over twice the limit, and in foreign code, its worker goes to a spare
// thread (driver.hpp). Looks as often as the limit says while a worker is awake, and not at all when all
// sleep.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "runtime/worker.hpp"

namespace coppice::runtime {

class watchdog {
 public:
  explicit watchdog(system& host);
  ~watchdog();

  bool start(); // false: the machine gives no thread
  void stop();

  // A worker's thread, after it slept.
  void awake() {
    if (resting_.load(std::memory_order_seq_cst)) wake_up();
  }
  // The thread that runs `p` and found it claimed: waits for the watchdog; true: the worker is another's.
  bool decided(const process& p);

  // Any thread.
  std::uint64_t slow_handlers() const { return slow_.load(std::memory_order_relaxed); }
  std::uint64_t taken_over() const { return taken_.load(std::memory_order_relaxed); }

 private:
  class claim;

  void run();
  bool all_sleep() const;
  base::nanos look_around();
  void tell(worker& w, const worker::glimpse& seen, base::nanos age);
  void replace(worker& w, const worker::glimpse& seen);
  void wake_up();

  system& host_;
  const base::nanos limit_;
  bool can_claim_ = false;             // the machine has membarrier(2)
  std::vector<std::uint64_t> told_;    // of each worker: the turn that was told of last
  std::vector<std::uint64_t> refused_; // the turn that no thread was found for
  std::atomic<std::uint64_t> slow_{0};
  std::atomic<std::uint64_t> taken_{0};
  std::mutex claims_; // held from claiming a process until what becomes of it is decided

  std::atomic<bool> resting_{false};
  std::mutex lock_; // guards stopping_; for more_
  std::condition_variable more_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace coppice::runtime
