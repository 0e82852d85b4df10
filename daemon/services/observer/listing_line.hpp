// SPDX-License-Identifier: MIT
// Limits lists of all processes. Such a list is as long as the node has processes, and a request for one is
// short: thousands of processes making lists at once would use up the memory. So for each asking node only
// one list is made at a time, until it has been sent; other requests of that node wait in order and hold
// nothing meanwhile. A node that reads slowly delays only its own lists.
#pragma once

#include <cstdint>

#include "runtime/process.hpp"

namespace coppice::services {

// A place in that line, held from construction until the list has been sent or given up.
class listing {
 public:
  // Waits until no other list is made for that node, an index of its name. In the process's own turn.
  listing(runtime::process& self, std::uint32_t asked_by);
  ~listing();
  listing(const listing&) = delete;
  listing& operator=(const listing&) = delete;

  // False: the process could not wait, since it ends or no stack was free.
  bool may_begin() const { return has_place_; }

 private:
  runtime::system& host_;
  const std::uint32_t asked_by_;
  bool has_place_ = false;
};

} // namespace coppice::services
