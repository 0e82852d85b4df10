// SPDX-License-Identifier: MIT
// The log as a member has it in memory: the entries behind `base()`, the term of the entry at base(), and the
// configurations that entries of the log brought. What of it is on disk is the core's to know. Invariant:
// terms never fall, and the first configuration known is that at base() or before. One thread at a time.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "consensus/types.hpp"

namespace coppice::consensus {

class raft_log {
 public:
  raft_log() = default;
  // Empty, behind the entry at `base`.
  raft_log(log_index base, term_number base_term, configuration members, log_index members_at);

  log_index base() const { return base_; }
  log_index last() const { return base_ + size(); }
  term_number last_term() const { return term_at(last()); }
  std::size_t bytes() const { return bytes_; }
  // 0 for an index before base() or behind last().
  term_number term_at(log_index index) const {
    if (index <= base_ || index > last()) return index == base_ ? base_term_ : 0;
    return entries_[head_ + index - base_ - 1].term;
  }
  // base() < index <= last()
  const entry& at(log_index index) const { return entries_[head_ + index - base_ - 1]; }
  // From `first` on, at most `most` entries and `weight` bytes, but one at least if there is one.
  std::span<const entry> slice(log_index first, std::size_t most, std::size_t weight) const;
  // The last index, not above `index`, whose term is not above `term`; base() if there is none.
  log_index last_not_above(log_index index, term_number term) const;

  // A configuration entry's payload is well-formed: its appender has looked.
  void append(entry one);
  void truncate_from(log_index index); // index > base()
  void compact_to(log_index index);    // base() <= index <= last()

  // In force: the last one in the log.
  const configuration& members() const { return history_.back().second; }
  // The index of the entry that brought it; 0 or an index not above base(): it is older than the log.
  log_index members_at() const { return history_.back().first; }
  // As of an index, base() <= index <= last().
  const configuration& members_as_of(log_index index) const;

 private:
  std::size_t size() const { return entries_.size() - head_; }

  std::vector<entry> entries_; // the first `head_` are gone
  std::size_t head_ = 0;
  log_index base_ = 0;
  term_number base_term_ = 0;
  std::size_t bytes_ = 0;
  std::vector<std::pair<log_index, configuration>> history_{{0, {}}};
};

} // namespace coppice::consensus
