// SPDX-License-Identifier: MIT
// Who waits for the node to be ready; each is told once, on the thread that decides or, when that is over, on
// its own. Any thread; nobody is called under the lock.
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

  // The id is for forget(); 0: `done` has been told already.
  std::uint64_t add(told done);
  void forget(std::uint64_t id);
  // The first call tells all who wait. A later one counts only if it is the first failure: that of a node
  // that was ready and is no more.
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
