// SPDX-License-Identifier: MIT
// Lists of all processes are as long as the node has processes, and a request for one is short: thousands of
// processes that make one at a time would use up the memory. So one is made at a time for each node that
// asks, until it has been sent; others for that node wait in the order in which they came, and hold nothing
// meanwhile. A node that reads slowly delays its own lists alone.
#pragma once

#include <cstdint>

#include "runtime/process.hpp"

namespace coppice::services {

// A place in that line: from its construction on until the list has been sent, or was given up.
class listing {
 public:
  // Waits until no other list is made for that node, an index of its name. In the process's own turn.
  listing(runtime::process& self, std::uint32_t asked_by);
  ~listing();
  listing(const listing&) = delete;
  listing& operator=(const listing&) = delete;

  // False: the process could not wait, since it ends or since there is no stack for it to wait on.
  bool may_begin() const { return has_place_; }

 private:
  runtime::system& host_;
  const std::uint32_t asked_by_;
  bool has_place_ = false;
};

} // namespace coppice::services
