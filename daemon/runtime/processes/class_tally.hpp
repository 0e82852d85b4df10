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

struct class_tally {
  std::array<std::atomic<base::nanos>, work_kinds> ran{}; // by kind
  time_tally handled;
  time_tally waited;
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
