// SPDX-License-Identifier: MIT
// Finds handlers that hold their worker too long, and other work that does: callbacks of the worker's loop,
// which handle connections, and tasks. Work over the limit (system_options::watchdog) is named in the log and
// counted, once. If a handler is over twice the limit and in foreign code, its worker goes to a spare thread
// (driver.hpp). Time counts while the work runs or is blocked, not while its thread waits for a processor
// (thread_clock.hpp): on an overloaded machine everything takes long. The watchdog looks once in each limit
// while a worker is awake, and not at all while all sleep. Work that ends between two looks is noticed by its
// worker.
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

  // On a worker's thread, after it slept.
  void awake() {
    if (resting_.load(std::memory_order_seq_cst)) wake_up();
  }
  // On the worker's thread, at the end of a turn of `p` that took `age` ns of wall time.
  void was_slow(const worker& w, const process_record& p, base::nanos age);
  // was_slow() for work that is no process's turn, which began at `since`. `node`: the index of the node
  // whose connection had the longest part of it. 0: not known.
  void was_slow(const worker& w, base::nanos since, base::nanos age, std::uint32_t node);
  // On the worker's thread: the kind of work of its present turn, if the log was told about it while the turn
  // went on.
  work_kind told_of(const worker& w) const;
  // On the thread that ran `p` and found it claimed: waits for the watchdog's decision. True: another thread
  // has the worker.
  bool decided(const process& p);

  // Any thread.
  std::uint64_t slow_handlers() const { return slow_.load(std::memory_order_relaxed); }
  std::uint64_t taken_over() const { return taken_.load(std::memory_order_relaxed); }

 private:
  class claim;
  // The watchdog's readings of a worker's present turn. For the watchdog's thread, unless a field says
  // otherwise.
  struct vigil {
    const driver* by = nullptr;   // the driver whose readings these are
    thread_clock::reading before; // at the look before the last
    thread_clock::reading last;
    std::uint64_t turn = 0; // the turn that is measured
    base::nanos held = 0;   // by that turn, until `measured`
    thread_clock::reading measured;
    std::uint64_t refused = 0;          // the last turn for which there was no thread or no stack
    std::atomic<std::uint64_t> told{0}; // the last turn that was logged; also for the worker's thread
    std::atomic<work_kind> kind{work_kind::other}; // of the turn `told`; also for the worker's thread
    std::atomic<base::nanos> waited{0}; // for a processor, before the turn; also for the worker's thread
  };

  void run();
  bool all_sleep() const;
  base::nanos look_around();
  base::nanos look_at(worker& one, base::nanos now);
  static void note_time(const worker& w, vigil& known);
  static void begin(vigil& known, std::uint64_t turn);
  static base::nanos time_held(vigil& known, base::nanos since);
  std::string named(const process_summary& who) const;
  void count(const process_summary& who, const worker& w, base::nanos held, const std::string& what);
  void count_aside(const worker& w, base::nanos held, std::uint32_t node);
  base::nanos held_until_now(const worker& w, base::nanos age) const;
  void tell(worker& w, const worker::glimpse& seen, base::nanos age);
  void replace(worker& w, const worker::glimpse& seen);
  void refuse(const worker& w, std::uint64_t turn, std::string_view why);
  void wake_up();

  system& host_;
  const base::nanos limit_;
  bool can_claim_ = false;    // the kernel allows membarrier(2)
  std::vector<vigil> vigils_; // by worker
  std::atomic<std::uint64_t> slow_{0};
  std::atomic<std::uint64_t> taken_{0};
  std::mutex claims_; // held from the claim on a process until it is decided

  std::atomic<bool> resting_{false};
  std::mutex lock_; // guards stopping_; used by more_
  std::condition_variable more_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace coppice::runtime
