// SPDX-License-Identifier: MIT
// Dead processes of a worker that cannot be freed yet: a callback of theirs has not returned, or another
// thread may still look at them.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "runtime/scheduling/timer_wheel.hpp"

namespace coppice::runtime {

class process_record;
class system;

// For one worker's thread.
class ended_processes {
 public:
  ended_processes(system& host, timer_wheel& timers) : host_(host), timers_(timers) {}

  // `p` died while it was parked. After system_options::linger its stack counts as abandoned.
  void expect_end_of(process_record& p);
  // For a process that no longer lingers. True: it already counts as abandoned.
  bool forget_lingering(process_record& p);
  // The last callback of `p` has ended, and neither the process table nor the worker shows it to other
  // threads any more: it is freed when no thread can hold it.
  void retire(process_record& p);
  // Something waits to be freed.
  bool has_retired() const { return !retired_.empty(); }
  // Frees what no thread can hold any more.
  void reclaim();
  // Frees all that have retired: no thread looks at processes any more.
  void free_all();

 private:
  // For a dead process whose stack is still in a callback.
  struct linger_timer : timer {
    process_record* who = nullptr;
    bool counted = false; // counted as abandoned: its time is over
  };
  struct retired {
    std::uint64_t ticket;
    process_record* who;
  };
  static void linger_too_long(timer& due);

  system& host_;
  timer_wheel& timers_;
  std::unordered_map<process_record*, linger_timer> lingering_;
  std::deque<retired> retired_;
};

} // namespace coppice::runtime
