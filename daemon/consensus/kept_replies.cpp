// SPDX-License-Identifier: MIT
// The serials of the replies that are kept have no gaps, so a serial is a place in the queue.
#include "consensus/kept_replies.hpp"

#include <utility>

namespace coppice::consensus {

void kept_replies::keep(std::uint64_t serial, log_index index, payload reply) {
  if (serial != first_ + all_.size()) {
    all_.clear();
    bytes_ = 0;
    first_ = serial;
  }
  all_.push_back({index, std::move(reply)});
  bytes_ += weight(all_.back());
  while (all_.size() > 1 && bytes_ > most_bytes_) drop_first();
}

const kept_replies::kept* kept_replies::find(std::uint64_t serial) const {
  if (serial < first_ || serial - first_ >= all_.size()) return nullptr;
  return &all_[serial - first_];
}

void kept_replies::forget_up_to(log_index index) {
  while (!all_.empty() && all_.front().index <= index) drop_first();
}

void kept_replies::drop_first() {
  bytes_ -= weight(all_.front());
  all_.pop_front();
  ++first_;
}

} // namespace coppice::consensus
