// SPDX-License-Identifier: MIT
// How a worker switches between its stacks. Inlined into the functions that run turns, see fiber_switch.hpp.
#pragma once

#include "runtime/scheduling/fiber_switch.hpp"
#include "runtime/scheduling/runner_pool.hpp"

namespace coppice::runtime {

[[gnu::always_inline]] inline void runner_pool::run() {
  present_ = take();
  thread_->switch_to(*present_);
}

[[gnu::always_inline]] inline void runner_pool::leave() {
  fiber* const mine = present_;
  present_ = take();
  mine->switch_to(*present_);
}

[[gnu::always_inline]] inline void runner_pool::rest(fiber& next) {
  fiber* const mine = present_;
  mine->next = std::exchange(idle_, mine);
  present_ = &next;
  mine->switch_to(next);
}

} // namespace coppice::runtime
