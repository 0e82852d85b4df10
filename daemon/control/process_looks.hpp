// SPDX-License-Identifier: MIT
// The work that all processes had done at a time, for the rates that `top` shows: the difference of two
// looks. A look has an entry for each process and is kept for as long as a client waits for its end, so
// clients share looks, and their number is bounded. The control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"

namespace coppice::control {

struct process_look {
  struct totals {
    std::uint64_t reductions = 0;
    base::nanos ran = 0; // processor time
  };

  base::nanos at = 0;                             // monotonic; 0: there was none
  base::nanos ran = 0;                            // processor time of the whole node
  std::unordered_map<std::uint64_t, totals> done; // by the pid's id and serial
};

class process_looks {
 public:
  static constexpr std::size_t most = 32;

  // A look for a client that measures over `span` ns from `now` on: one that another client holds and that is
  // older by an eighth of the span at most, or what `take` returns, whose time is `now`. If there are `most`
  // already, the newest, however old it is: the client then measures over a longer time.
  std::shared_ptr<const process_look> begin(base::nanos now, base::nanos span,
                                            const std::function<process_look()>& take) {
    std::erase_if(taken_, [](const entry& one) { return one.look.expired(); });
    // The oldest that will do: the newest would keep more looks alive.
    for (const entry& one : taken_)
      if (now - one.at <= span / 8) return one.look.lock();
    if (taken_.size() >= most) return taken_.back().look.lock();
    auto made = std::make_shared<const process_look>(take());
    taken_.push_back({now, made});
    return made;
  }

 private:
  struct entry {
    base::nanos at = 0;
    std::weak_ptr<const process_look> look;
  };
  std::vector<entry> taken_; // the oldest first
};

} // namespace coppice::control
