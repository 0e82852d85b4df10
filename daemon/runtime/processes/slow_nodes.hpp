// SPDX-License-Identifier: MIT
// The nodes that a process waited for in vain. Who answers others waits a while for a connection that is
// full, so that a slow one holds back what is made for it; but a peer that takes nothing must not keep the
// process from everybody else. So it waits once for each connection until that has drained, and for all of
// them together no longer than its patience, which comes back with time. The owner's thread only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/clock.hpp"

namespace coppice::runtime {

class slow_nodes {
 public:
  // Of the time in which it does not wait in vain so much comes back as patience.
  static constexpr base::nanos regained_in = 10;

  // How long it may wait for `node` from `now` on, `most` at most; 0: not at all.
  base::nanos patience(std::uint32_t node, base::nanos now, base::nanos most) const {
    const auto is_node = [node](const given_up& one) { return one.node == node; };
    if (std::any_of(waits_.begin(), waits_.end(), is_node)) return 0;
    return std::clamp<base::nanos>(most - (patient_again_ - now) / regained_in, 0, most);
  }
  // It waited so long, and is told of the wait's end by `number` once it is no use any more.
  void give_up(std::uint32_t node, std::uint64_t number, base::nanos now, base::nanos waited) {
    waits_.push_back({node, number});
    patient_again_ = std::max(patient_again_, now) + waited * regained_in;
  }
  void end(std::uint64_t number) {
    std::erase_if(waits_, [number](const given_up& one) { return one.number == number; });
  }

 private:
  struct given_up {
    std::uint32_t node;
    std::uint64_t number;
  };

  std::vector<given_up> waits_;
  base::nanos patient_again_ = 0; // wholly
};

} // namespace coppice::runtime
