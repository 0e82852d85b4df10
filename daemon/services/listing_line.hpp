// SPDX-License-Identifier: MIT
// Lists of all processes are as long as the node has processes, and a request for one is short: thousands of
// processes that make one at a time would use up the memory. So few make one at a time, the others wait in
// the order in which they came, and hold nothing meanwhile. Of all nodes of the program.
#pragma once

#include <cstddef>

#include "runtime/process.hpp"

namespace coppice::services {

// A place in that line: from its construction on until the list has been sent, or was given up.
class listing {
 public:
  static constexpr std::size_t most_at_once = 4;

  // Waits until fewer than `most_at_once` lists are made. In the process's own turn.
  explicit listing(runtime::process& self);
  ~listing();
  listing(const listing&) = delete;
  listing& operator=(const listing&) = delete;

  // False: the process could not wait, since it ends or since there is no stack for it to wait on.
  bool may_begin() const { return has_place_; }

 private:
  bool has_place_ = false;
};

} // namespace coppice::services
