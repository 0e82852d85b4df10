// SPDX-License-Identifier: MIT
// The turns of fragments, and which messages wait for which. One thread.
#include "dist/large_messages.hpp"

#include <algorithm>

#include "dist/frame.hpp"

namespace coppice::dist {
namespace {

// Bytes that a waiting message holds up: as many as it would have written to begin.
std::size_t weight_of_waiting(const runtime::signal& what) {
  return std::min(what.payload().size(), fragment_size);
}

} // namespace

bool large_messages::begin(const control_message& control, const packer::content& payload,
                           runtime::signal_ptr& what) {
  packer::fragmented fragments;
  if (!packer_.begin(control, payload, fragments, stream_)) return false;
  const auto sender = what->from;
  entry& one = by_sender_[sender];
  unwritten_bytes_ += fragments.rest();
  one.fragments = std::move(fragments);
  one.signal = std::move(what);
  one.begun = true;
  turns_.push_back(sender);
  ++under_way_;
  return true;
}

void large_messages::wait(const runtime::destination& to, runtime::signal_ptr what) {
  held_bytes_ += weight_of_waiting(*what);
  unwritten_bytes_ += what->payload().size() - weight_of_waiting(*what);
  const auto sender = what->from;
  entry& one = by_sender_[sender];
  one.to = to;
  one.signal = std::move(what);
  waiting_.push_back(sender);
}

void large_messages::hold(const runtime::destination& to, runtime::signal_ptr what) {
  held_bytes_ += what->payload().size();
  auto& behind = by_sender_.at(what->from).behind;
  behind.emplace_back(to, std::move(what));
}

void large_messages::hold(const runtime::pid& sender, std::deque<addressed> behind) {
  for (const auto& [to, what] : behind) held_bytes_ += what->payload().size();
  by_sender_.at(sender).behind = std::move(behind);
}

std::optional<large_messages::released> large_messages::next() {
  while (!by_sender_.empty() && stream_.bytes_queued() < window) {
    if (!waiting_.empty() && under_way_ < most_under_way) {
      const auto sender = waiting_.front();
      waiting_.pop_front();
      return admit(sender);
    }
    const auto sender = turns_.front();
    turns_.pop_front();
    auto& fragments = by_sender_.at(sender).fragments;
    unwritten_bytes_ -= fragments.rest();
    packer_.next(fragments, stream_);
    unwritten_bytes_ += fragments.rest();
    if (fragments.left == 0) return end(sender);
    turns_.push_back(sender);
  }
  return std::nullopt;
}

large_messages::released large_messages::end(const runtime::pid& sender) {
  --under_way_;
  auto ended = by_sender_.extract(sender);
  entry& one = ended.mapped();
  for (const auto& [to, what] : one.behind) held_bytes_ -= what->payload().size();
  return {std::move(one.signal), std::move(one.behind)};
}

large_messages::released large_messages::admit(const runtime::pid& sender) {
  auto admitted = by_sender_.extract(sender);
  entry& one = admitted.mapped();
  held_bytes_ -= weight_of_waiting(*one.signal);
  unwritten_bytes_ -= one.signal->payload().size() - weight_of_waiting(*one.signal);
  for (const auto& [to, what] : one.behind) held_bytes_ -= what->payload().size();
  one.behind.emplace_front(std::move(one.to), std::move(one.signal));
  return {nullptr, std::move(one.behind)};
}

} // namespace coppice::dist
