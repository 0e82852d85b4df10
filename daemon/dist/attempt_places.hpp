// SPDX-License-Identifier: MIT
// The places for attempts to connect to nodes that were never connected. They are bounded for each cause of a
// look-up, and the nodes whose names brought such attempts up take turns. Any thread; a peer's lock may be
// held during take().
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "base/fair_queue.hpp"
#include "dist/locator.hpp"

namespace coppice::dist {

class attempt_places {
 public:
  // Whether the attempt at that node, which waited, has begun or is not needed any more; false: there is no
  // such node, and the place is for the next one. Called without a lock.
  using start_fn = std::function<bool(std::uint32_t node, net::lookup_cause cause)>;

  // `most`: attempts of each cause at the same time.
  attempt_places(std::size_t most, start_fn start) : most_(most), start_(std::move(start)) {}
  attempt_places(const attempt_places&) = delete;
  attempt_places& operator=(const attempt_places&) = delete;

  // A place, given back as the result is destroyed, which must be before the places are. `by`: the node that
  // brought `node` up; 0: this one. Null: there is none, and the attempt waits for its turn.
  std::shared_ptr<void> take(net::lookup_cause cause, std::uint32_t by, std::uint32_t node);
  // Starts the next attempt that waits, if there is room.
  void start_next(net::lookup_cause cause);

 private:
  struct line {
    std::size_t running = 0;
    std::unordered_map<std::uint32_t, std::size_t> running_for; // none is 0
    base::fair_queue<std::uint32_t> waiting;
    std::unordered_set<std::uint32_t> queued; // the entries of `waiting`, each of which is there once
  };

  bool has_place(const line& in, std::uint32_t by) const;
  void give_back(net::lookup_cause cause, std::uint32_t by);

  const std::size_t most_;
  const start_fn start_;
  std::mutex lock_;                            // guards lines_
  std::array<line, net::lookup_causes> lines_; // by lookup_cause
};

} // namespace coppice::dist
