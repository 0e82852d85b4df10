// SPDX-License-Identifier: MIT
// Events that a producer has emitted without demand, and messages that have their place between events
// (GenStage's `$info`). A message is due as soon as the event before it has left, delivered or dropped.
// Bounded in events and in bytes. One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "behaviours/stage/event_list.hpp"
#include "tree/stage.hpp"

namespace coppice::behaviours {

using tree::buffer_keep;

struct stage_buffer_bounds {
  std::uint64_t size = 10'000; // events. UINT64_MAX: no limit
  std::uint64_t bytes = 64 << 20;
  buffer_keep keep = buffer_keep::last;
};

class stage_buffer {
 public:
  using messages = std::vector<runtime::message>;
  static constexpr std::size_t most_messages = 10'000;

  explicit stage_buffer(const stage_buffer_bounds& bounds) : bounds_(bounds) {}

  void set_bounds(const stage_buffer_bounds& bounds) { bounds_ = bounds; }
  const stage_buffer_bounds& bounds() const { return bounds_; }
  std::uint64_t count() const { return events_.count(); }
  std::size_t bytes() const { return events_.bytes(); }
  bool empty() const { return events_.empty(); }
  // The number of the first event, counted from the first ever stored.
  std::uint64_t first() const { return first_; }

  // Appends events. Returns how many events, old or new, it dropped for that. Messages that become due by
  // that are added to `due`.
  std::uint64_t store(event_list events, messages& due);
  // Appends a message after all events. False: there are no events, so it is due at once; or most_messages
  // wait.
  bool store_message(runtime::message m);
  bool full_of_messages() const { return waiting_.size() >= most_messages; }
  // Takes at most `most` events, and none after a waiting message; then adds the messages that are due to
  // `due`.
  event_list take(std::uint64_t most, messages& due);

 private:
  struct waiting {
    std::uint64_t behind; // number of an event, counted from the first ever stored
    runtime::message what;
  };
  std::uint64_t excess_bytes_dropped();
  void leave(messages& due);

  stage_buffer_bounds bounds_;
  event_list events_;
  std::uint64_t first_ = 0; // the number of the first event
  std::deque<waiting> waiting_;
};

} // namespace coppice::behaviours
