// SPDX-License-Identifier: MIT
// The entries outside a full mailbox, and the pausing senders. See waiting_line.hpp. Any thread, under the
// line's lock.
#include "runtime/messages/waiting_line.hpp"

#include <algorithm>

#include "base/bound.hpp"
#include "runtime/messages/call_forms.hpp"

namespace coppice::runtime {
namespace {

// Each holds a stack.
const base::bound<std::size_t> most_resting("runtime: senders that rest for one mailbox", 64);

// The number of the call or request of the receiver that the signal may end, by its look alone: the reference
// may be unknown to the receiver. nullopt: it is no such signal.
std::optional<std::uint64_t> call_ended_by(const signal& what) {
  if (what.kind != signal_kind::message && what.kind != signal_kind::down) return std::nullopt;
  if (what.ref) return what.ref.here() ? std::optional(what.ref.number()) : std::nullopt;
  if (what.kind == signal_kind::down) return std::nullopt;
  const auto tag = tag_of_reply(what.payload().bytes());
  if (!tag) return std::nullopt;
  return reference{0, tag->creation, tag->count, tag->words}.number();
}

} // namespace

void waiting_line::wait(const sleeper& sender, signal_ptr what) {
  const std::lock_guard guard(lock_);
  waiting_.push_back({sender, std::move(what)});
  note_size();
}

std::optional<bool> waiting_line::overflow(signal_ptr& what, std::uint64_t most) {
  const std::lock_guard guard(lock_);
  if (overflow_ + what->weight > most) return std::nullopt;
  const bool alone = waiting_.empty();
  const auto call = call_ended_by(*what);
  if (call) ++ends_of_calls_[*call];
  overflow_ += what->weight;
  ++overflowing_[what->from];
  ++overflowing_[all_of(what->from.node)];
  waiting_.push_back({{}, std::move(what)});
  note_size();
  const bool untold = call && !std::exchange(told_, true);
  return alone || untold;
}

bool waiting_line::has_overflow_of(const pid& sender) const {
  const std::lock_guard guard(lock_);
  return overflowing_.find(sender ? sender : all_of(sender.node)) != nullptr;
}

void waiting_line::leave_sender(const pid& sender) {
  std::uint32_t* const rest = overflowing_.find(sender);
  if (rest != nullptr && --*rest == 0) overflowing_.erase(sender);
}

void waiting_line::leave_overflow(const signal& what) {
  overflow_ -= what.weight;
  leave_sender(what.from);
  leave_sender(all_of(what.from.node));
  if (ends_of_calls_.empty()) return;
  const auto call = call_ended_by(what);
  std::uint32_t* const ends = call ? ends_of_calls_.find(*call) : nullptr;
  if (ends != nullptr && --*ends == 0) ends_of_calls_.erase(*call);
  if (ends_of_calls_.empty()) told_ = false;
}

// Under the lock. Looks at each entry, but only where such a signal is known to wait, so once for a call.
signal_ptr waiting_line::take_remote(std::uint64_t call) {
  const auto at = std::ranges::find_if(waiting_, [call](const entry& one) {
    return (one.what->flags & signal::remote) != 0 && call_ended_by(*one.what) == call;
  });
  if (at == waiting_.end()) return nullptr;
  signal_ptr taken = std::move(at->what);
  waiting_.erase(at);
  note_size();
  leave_overflow(*taken);
  return taken;
}

std::pair<bool, signal_ptr> waiting_line::push_newest(signal_ptr what, std::uint32_t most) {
  const std::lock_guard guard(lock_);
  const bool alone = waiting_.empty();
  if (what->weight != 0) ++newest_;
  waiting_.push_back({{}, std::move(what)});
  signal_ptr oldest;
  if (newest_ > most) {
    const auto at = std::ranges::find_if(waiting_, [](const entry& one) { return one.what->weight != 0; });
    oldest = std::move(at->what);
    waiting_.erase(at);
    --newest_;
  }
  note_size();
  return {alone, std::move(oldest)};
}

waiting_line::left waiting_line::leave(const sleeper& one) {
  const std::lock_guard guard(lock_);
  if (std::erase(resting_, one) != 0) {
    rests_.store(!resting_.empty(), std::memory_order_relaxed);
    return left::rest;
  }
  const auto erased = std::erase_if(waiting_, [&](const entry& other) { return other.sender == one; });
  note_size();
  return erased != 0 ? left::message : left::nothing;
}

std::pair<std::deque<waiting_line::entry>, std::vector<waiting_line::sleeper>> waiting_line::take_all() {
  const std::lock_guard guard(lock_);
  rests_.store(false, std::memory_order_relaxed);
  overflowing_ = {};
  ends_of_calls_ = {};
  told_ = false;
  overflow_ = 0;
  newest_ = 0;
  std::pair all{std::exchange(waiting_, {}), std::exchange(resting_, {})};
  note_size();
  return all;
}

bool waiting_line::rest(const sleeper& one) {
  const std::lock_guard guard(lock_);
  if (resting_.size() >= most_resting) return false;
  resting_.push_back(one);
  rests_.store(true, std::memory_order_relaxed);
  return true;
}

std::vector<waiting_line::sleeper> waiting_line::take_resting() {
  const std::lock_guard guard(lock_);
  rests_.store(false, std::memory_order_relaxed);
  return std::exchange(resting_, {});
}

} // namespace coppice::runtime
