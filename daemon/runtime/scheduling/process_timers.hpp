// SPDX-License-Identifier: MIT
// The timers that a worker's processes have started (processes/started_timers.hpp): starting, firing, ending
// and moving them. They run in the worker's timer wheel.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/processes/started_timers.hpp"
#include "runtime/scheduling/timer_wheel.hpp"

namespace coppice::runtime {

class process_record;

// For one worker's thread; or for a thread that has borrowed its token. `starter` is a process whose home
// this worker is.
class process_timers {
 public:
  // `index`: of the worker.
  process_timers(timer_wheel& wheel, unsigned index) : wheel_(wheel), index_(index) {}

  // Returns its id, which is unique on the node.
  std::uint64_t start(process_record& starter, std::unique_ptr<started_timer> fresh);
  // Ends the timer. Returns the time left in ns; -1: the process has no such timer.
  base::nanos end(process_record& starter, std::uint64_t id);
  // The same, and the timer goes on.
  static base::nanos left(const process_record& starter, std::uint64_t id);
  void end_all(process_record& starter);
  // The process, with its timers, goes to another worker, or comes from one.
  void let_go(const process_record& starter);
  void take_in(const process_record& starter);

 private:
  static void fire(timer& due);
  // Null: there is none. The timer may still be in the wheel; then the caller takes it out.
  static std::unique_ptr<started_timer> take(process_record& starter, std::uint64_t id);

  // The lowest bits of a timer's id are the worker's index, see completed() in system.cpp.
  static constexpr unsigned index_bits = 10;

  timer_wheel& wheel_;
  const unsigned index_;
  std::uint64_t next_ = 0;
};

} // namespace coppice::runtime
