// SPDX-License-Identifier: MIT
// The functions that wait for the node to be ready. Each is called once, on the thread that decides or, if
// that has happened already, on the thread that adds it. Any thread; no function is called under the lock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

#include "base/error.hpp"

namespace coppice::node {

class readiness {
 public:
  using told = std::function<void(base::status)>;

  // Returns an id for forget(). 0: `done` was called already.
  std::uint64_t add(told done);
  void forget(std::uint64_t id);
  // The first call decides and calls all waiting functions. A later call counts only if it is the first
  // failure: that of a node that was ready and is so no more.
  void settle(base::status outcome);
  bool ready() const;

 private:
  mutable std::mutex lock_;
  std::map<std::uint64_t, told> waiting_;
  std::uint64_t next_ = 1;
  bool settled_ = false;
  base::status outcome_;
};

} // namespace coppice::node
