// SPDX-License-Identifier: MIT
// Processor time and times of messages, added up by class: the actors of one class of a plugin, or the node's
// own processes of one behaviour. A class keeps its entry, and the entry its address, as long as the system.
// Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "runtime/attribution.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/work_kind.hpp"

namespace coppice::runtime {

// How often a time was at or below each of time_spread::bounds.
class time_tally {
 public:
  void add(base::nanos time);
  time_spread read() const;

 private:
  std::array<std::atomic<std::uint64_t>, time_spread::bounds.size() + 1> counts_{}; // the last: above all
  std::atomic<base::nanos> sum_{0};
};

class class_tally {
 public:
  // The class has used so much processor time. It is told apart by what has been seen of late.
  void charge(base::nanos used);
  // A part of the class's turns has taken so long for work of one kind.
  void saw(work_kind kind, base::nanos took);
  base::nanos ran(work_kind kind) const {
    return ran_[static_cast<std::size_t>(kind)].load(std::memory_order_relaxed);
  }

  time_tally handled;
  time_tally waited;

 private:
  using by_kind = std::array<std::atomic<base::nanos>, work_kinds>;
  by_kind ran_{};
  by_kind seen_{};
};

class class_tallies {
 public:
  // Classes beyond these are added up in one entry.
  static constexpr std::size_t most_classes = 500;

  class_tally& of(const description& is);
  std::vector<class_work> read() const; // by plugin and class

 private:
  mutable std::mutex lock_;                                           // guards the map, not the entries
  std::map<std::pair<std::string, std::string>, class_tally> counts_; // by plugin and class
};

} // namespace coppice::runtime
