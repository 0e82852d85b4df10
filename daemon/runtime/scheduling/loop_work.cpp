// SPDX-License-Identifier: MIT
// Tells the worker how long a part of its work aside from turns took. On the worker's thread.
#include "runtime/loop_work.hpp"

#include "runtime/scheduling/worker.hpp"

namespace coppice::runtime {

loop_work::loop_work(std::uint32_t node) : node_(node) {
  worker* const here = worker::current();
  if (here == nullptr) return;
  since_ = here->now();
  here->beside_turns().begin_part(node_);
}

loop_work::~loop_work() {
  worker* const here = worker::current();
  if (here != nullptr && since_ != 0) here->beside_turns().end_part(node_, here->now() - since_);
}

} // namespace coppice::runtime
