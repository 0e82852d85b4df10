// SPDX-License-Identifier: MIT
// Looks after handlers that hold their worker too long. Over the limit (system_options::watchdog) one is
// named in the log and counted, once; over twice the limit, and in foreign code, its worker goes to a spare
// thread (driver.hpp). What counts is the time a handler ran or was blocked, not what its thread waited for a
// processor (thread_clock.hpp): on a machine with too much to do, every handler takes long. Looks as often as
// the limit says while a worker is awake, and not at all when all sleep; a handler that ends between two
// looks is noticed by its worker.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "runtime/scheduling/thread_clock.hpp"
#include "runtime/scheduling/worker.hpp"

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
  // The worker's thread, at the end of a turn of `p` that took so long by the wall.
  void was_slow(const worker& w, const process_record& p, base::nanos age);
  // The thread that runs `p` and found it claimed: waits for the watchdog; true: the worker is another's.
  bool decided(const process& p);

  // Any thread.
  std::uint64_t slow_handlers() const { return slow_.load(std::memory_order_relaxed); }
  std::uint64_t taken_over() const { return taken_.load(std::memory_order_relaxed); }

 private:
  class claim;
  // What is known of a worker's turn under way; the watchdog's thread unless it says otherwise.
  struct vigil {
    const driver* by = nullptr;   // whose readings these are
    thread_clock::reading before; // at the last look but one
    thread_clock::reading last;
    std::uint64_t turn = 0; // that is measured
    base::nanos held = 0;   // by it, up to `measured`
    thread_clock::reading measured;
    std::uint64_t refused = 0;          // the turn that no thread, or no stack, was found for
    std::atomic<std::uint64_t> told{0}; // the turn that was told of last; the worker's thread too
    std::atomic<base::nanos> waited{0}; // for a processor, before the turn; for the worker's thread
  };

  void run();
  bool all_sleep() const;
  base::nanos look_around();
  base::nanos look_at(worker& one, base::nanos now);
  static void note_time(const worker& w, vigil& known);
  static void begin(vigil& known, std::uint64_t turn);
  static base::nanos time_held(vigil& known, base::nanos since);
  void count(const process_summary& who, const worker& w, base::nanos held, const std::string& what);
  void tell(worker& w, const worker::glimpse& seen, base::nanos age);
  void replace(worker& w, const worker::glimpse& seen);
  void refuse(const worker& w, std::uint64_t turn, std::string_view why);
  void wake_up();

  system& host_;
  const base::nanos limit_;
  bool can_claim_ = false;    // the machine has membarrier(2)
  std::vector<vigil> vigils_; // of each worker
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
