// SPDX-License-Identifier: MIT
// The nodes whose full connections a process has waited for in vain. A process that answers others waits for
// a while if the connection is full, so that a slow node slows down what is made for it. But a peer that
// reads nothing must not keep the process from serving others. Therefore it waits in vain once for each
// connection until that has drained, and for all of them together no longer than its patience, which comes
// back with time. For the owner's thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/clock.hpp"

namespace coppice::runtime {

class slow_nodes {
 public:
  // Patience returns at one tenth of the time that passes: 10 s restore 1 s.
  static constexpr base::nanos regained_in = 10;

  // How long the process may wait for `node` from `now` on; 0 to `most` ns. 0: not at all.
  base::nanos patience(std::uint32_t node, base::nanos now, base::nanos most) const {
    const auto is_node = [node](const given_up& one) { return one.node == node; };
    if (std::any_of(waits_.begin(), waits_.end(), is_node)) return 0;
    return std::clamp<base::nanos>(most - (patient_again_ - now) / regained_in, 0, most);
  }
  // The process has waited for `waited` ns in vain. A stop_waiting with `number` will tell that the
  // connection has drained; end() takes it.
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
  base::nanos patient_again_ = 0; // monotonic: when the whole patience is back
};

} // namespace coppice::runtime
