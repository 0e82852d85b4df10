// SPDX-License-Identifier: MIT
// Decides whether the log's thread lets other threads run before it writes, so that their requests share the
// fsync. That costs as long as the scheduler gives these threads: microseconds on an idle machine, and
// milliseconds on a busy one. A single writer that waits for the outcome of each request must not pay for it.
// The log's thread.
#pragma once

#include <cstddef>

namespace coppice::durable {

class gathering {
 public:
  // `together` requests were written in one batch, and `came` others were submitted meanwhile, before any
  // outcome was told.
  void wrote(std::size_t together, std::size_t came) { has_others_ = together > 1 || came > 0; }
  // `waiting`: requests that wait now. True: there are several writers, and others may be about to submit.
  bool pays(std::size_t waiting) const { return has_others_ || waiting > 1; }

 private:
  bool has_others_ = false;
};

} // namespace coppice::durable
