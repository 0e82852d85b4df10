// SPDX-License-Identifier: MIT
// Drops by number first, then by bytes, and lets messages out as the events before them leave.
#include "behaviours/stage/buffer.hpp"

#include <algorithm>

namespace coppice::behaviours {

std::uint64_t stage_buffer::store(event_list events, messages& due) {
  const std::uint64_t added = events.count();
  std::uint64_t dropped = 0;
  if (bounds_.keep == buffer_keep::first) {
    event_list kept = events.take(bounds_.size - std::min(bounds_.size, count()));
    const std::uint64_t room = bounds_.bytes - std::min<std::uint64_t>(bounds_.bytes, bytes());
    while (kept.bytes() > room) { // rare: the number is halved until the bytes fit
      if (kept.count() == 1) {
        kept = {};
        break;
      }
      kept = kept.take(kept.count() / 2);
    }
    dropped = added - kept.count();
    events_.append(kept.compact());
    return dropped;
  }
  if (added >= bounds_.size) { // all old events are dropped, and the oldest of the new ones
    dropped = count() + added - bounds_.size;
    first_ += count();
    events_ = {};
    const std::uint64_t beyond = added - bounds_.size;
    events.drop(beyond);
    first_ += beyond;
  }
  events_.append(events.compact());
  if (count() > bounds_.size) {
    const std::uint64_t beyond = count() - bounds_.size;
    events_.drop(beyond);
    first_ += beyond;
    dropped += beyond;
  }
  dropped += excess_bytes_dropped();
  leave(due);
  return dropped;
}

std::uint64_t stage_buffer::excess_bytes_dropped() {
  std::uint64_t dropped = 0;
  while (bytes() > bounds_.bytes) {
    events_.drop(1);
    ++dropped;
  }
  first_ += dropped;
  return dropped;
}

bool stage_buffer::store_message(runtime::message m) {
  if (empty() || full_of_messages()) return false;
  waiting_.push_back({first_ + count() - 1, std::move(m).compact()});
  return true;
}

event_list stage_buffer::take(std::uint64_t most, messages& due) {
  if (!waiting_.empty()) most = std::min(most, waiting_.front().behind - first_ + 1);
  event_list out = events_.take(most);
  first_ += out.count();
  leave(due);
  return out;
}

void stage_buffer::leave(messages& due) {
  while (!waiting_.empty() && waiting_.front().behind < first_) {
    due.push_back(std::move(waiting_.front().what));
    waiting_.pop_front();
  }
}

} // namespace coppice::behaviours
