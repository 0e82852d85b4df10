// SPDX-License-Identifier: MIT
// What happens at a producer while its demand accumulates: the demand of its consumers, and events that it
// emits without being asked, in their order. Both are bounded: the events as in the buffer, and demand is
// added together beyond `most_asks` entries. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <variant>

#include "behaviours/stage/buffer.hpp"

namespace coppice::behaviours {

class held_back {
 public:
  static constexpr std::size_t most_asks = 10'000;
  // Demand, or events.
  using piece = std::variant<std::uint64_t, event_list>;

  void ask(std::uint64_t count);
  // Returns how many events, old or new, it dropped.
  std::uint64_t store(event_list events, const stage_buffer_bounds& bounds);

  // Removes and returns the oldest piece. Empty: there is none.
  std::optional<piece> take();

  std::uint64_t events() const { return events_.count(); }
  std::uint64_t demand() const { return demand_; }
  std::size_t asks() const { return asks_.size(); }

 private:
  struct held_ask {
    std::uint64_t behind; // number of the event before which it came, as stage_buffer numbers them
    std::uint64_t count;
  };

  stage_buffer events_{stage_buffer_bounds{}};
  std::deque<held_ask> asks_;
  std::uint64_t demand_ = 0; // of all asks
};

} // namespace coppice::behaviours
