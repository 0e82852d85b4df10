// SPDX-License-Identifier: MIT
// The stacks of a worker. Processes run on "runners": stacks that run turn after turn. A process that parks
// keeps the runner that it is on, and the worker goes on with another one. Resuming switches back to the kept
// runner and leaves the other one in the pool, so a handler that does not wait costs no switch.
//
// A worker with a stack never lacks one: it has one more than its parked processes need. That one is made
// before the worker starts, kept when a process parks (can_park() comes first), and replaced when a handler
// that is stuck takes its stack along.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "runtime/scheduling/fiber.hpp"

namespace coppice::runtime {

class system;

// For one worker's thread; or for a thread that acts for it, at a move of a process and at a hand-over.
class runner_pool {
 public:
  // `entry` is what a runner runs; it never returns. `index`: of the worker, for the log.
  runner_pool(system& host, unsigned index, fiber::entry_fn entry)
      : host_(host), index_(index), entry_(entry) {}

  // True: there is a stack to go on with when the present one is kept. `of_reserve`: one of
  // system_options::reserved_stacks will do; give_back_reserve() has to follow when the wait is over.
  bool can_park(bool of_reserve = false) { return idle_ != nullptr || add(of_reserve); }
  // Frees an idle stack if more are in use than ordinary processes may park on. Otherwise these would park on
  // it, and the reserve would be theirs. In a process's turn.
  void give_back_reserve();
  // Makes sure that there is a stack to run on, also beyond the limit. False: the machine gives none.
  bool needs_one();

  // The thread that drives the worker runs on this stack.
  void begin_on(fiber& thread) { thread_ = present_ = &thread; }
  // The stack that the worker runs on.
  fiber* present() const { return present_; }
  fiber* thread() const { return thread_; }
  // Switching: runner_switch.hpp. Each returns when another stack switches back; the worker may be another
  // one then. The first two need can_park().
  inline void run();             // from the thread's stack to an idle runner
  inline void leave();           // from a runner that a parked process keeps to an idle one
  inline void rest(fiber& next); // from a runner, which is idle from now on, to `next`

  // A parked process brings its stack along, or takes it away.
  void take_in(fiber& stack);
  void let_go(fiber& stack);
  // Frees idle stacks but for some. A runner in the pool is suspended where it owns nothing.
  void free_spare();

 private:
  bool add(bool of_reserve);
  void free_idle(fiber** link);
  bool make();
  fiber* take() { return std::exchange(idle_, idle_->next); }

  system& host_;
  const unsigned index_;
  const fiber::entry_fn entry_;
  fiber* thread_ = nullptr;
  fiber* idle_ = nullptr; // a list
  fiber* present_ = nullptr;
  bool no_stack_ = false; // the machine gave none when one was last asked for
  std::vector<std::unique_ptr<fiber>> stacks_;
};

} // namespace coppice::runtime
