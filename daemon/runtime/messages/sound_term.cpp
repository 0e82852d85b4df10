// SPDX-License-Identifier: MIT
// One scan of the term; keys are compared only if a map has several. See sound_term.hpp. Any thread.
#include "runtime/messages/sound_term.hpp"

#include <algorithm>
#include <utility>

#include "runtime/messages/block.hpp"
#include "runtime/messages/raw_message.hpp"

namespace coppice::runtime {

namespace {

// The block in which it is noted that the message is sound, and where. Null: it is not noted.
block* place_of(const message& m, std::uint16_t& at) {
  if (m.size() <= sound_check::at_once) return nullptr;
  auto* const home = static_cast<block*>(raw_message::owner(m));
  if (home == nullptr || home->borrowed) return nullptr;
  const auto offset = m.bytes().data() - home->data();
  if (offset < 0 || offset >= block::nowhere) return nullptr;
  at = static_cast<std::uint16_t>(offset);
  return home;
}

} // namespace

bool is_sound_term(etf::bytes bytes, const etf::limits& bounds) {
  const auto seen = etf::scan(bytes, bounds);
  if (!seen || seen->length != bytes.size() || !seen->sized) return false;
  if (!seen->keyed) return true;
  return seen->canonical ? etf::check_keys(bytes).has_value() : etf::has_unique_keys(bytes);
}

bool sound_check::has_ended() const {
  return scan_.state() == etf::detail::scanner::progress::done && scan_.beyond() == 0;
}

// Takes a portion of whole elements. False: the term is malformed.
bool sound_check::pass() {
  using progress = etf::detail::scanner::progress;
  if (!scan_.keyed() && scan_.beyond() == 0) unkeyed_ = passed_;
  const etf::bytes rest = term_.subspan(passed_);
  if (scan_.beyond() != 0) { // of a binary
    const auto part = std::min({std::uint64_t{rest.size()}, scan_.beyond(), std::uint64_t{at_once}});
    scan_.leave_out(static_cast<std::size_t>(part));
    passed_ += static_cast<std::size_t>(part);
    return part != 0;
  }
  // An element may be longer than a portion.
  for (std::size_t most = at_once;; most *= 2) {
    const etf::bytes piece = rest.first(std::min(most, rest.size()));
    const std::size_t taken = scan_.pass(piece);
    if (scan_.state() == progress::failed) return false;
    canonical_ = canonical_ && scan_.canonical();
    passed_ += taken;
    if (taken != 0) return true;
    if (piece.size() == rest.size()) return false; // truncated
  }
}

// As far as the term has been read.
bool sound_check::has_unique_keys() {
  if (!scan_.keyed()) return true;
  // Plugins may write terms in other spellings, and the end of a fun is found late: their keys are compared
  // at the end, all at once.
  if (!canonical_) return !has_ended() || etf::has_unique_keys(term_);
  if (!std::exchange(begun_, true)) keys_.leave_out(unkeyed_);
  return keys_.pass(term_.first(passed_)).has_value();
}

std::optional<bool> sound_check::go_on() {
  if (!pass()) return false;
  if (has_ended() && (passed_ != term_.size() || scan_.has_wrong_size())) return false;
  if (!has_unique_keys()) return false;
  if (!has_ended()) return std::nullopt;
  return true;
}

void note_sound(const message& m) {
  std::uint16_t at = 0;
  block* const home = place_of(m, at);
  std::uint16_t before = block::nowhere;
  if (home == nullptr || !home->sound_at.compare_exchange_strong(before, at, std::memory_order_relaxed))
    return;
  home->sound_size.store(static_cast<std::uint32_t>(m.size()), std::memory_order_release);
}

bool is_known_sound(const message& m) {
  std::uint16_t at = 0;
  const block* const home = place_of(m, at);
  return home != nullptr && home->sound_size.load(std::memory_order_acquire) == m.size() &&
         home->sound_at.load(std::memory_order_relaxed) == at;
}

} // namespace coppice::runtime
