// SPDX-License-Identifier: MIT
// The log as a member has it in memory: the entries after `base()`, the term of the entry at base(), and the
// configurations and versions that entries of the log brought. The core keeps how much of it is on the disk.
// Invariant: terms never fall, and the first configuration and the first version known are in force at
// base(). One thread at a time.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "consensus/types.hpp"

namespace coppice::consensus {

// The values that entries of a log brought, each in force from its entry's index on. Never empty.
template <class Value>
class changes_by_index {
 public:
  changes_by_index() : all_{{0, Value{}}} {}
  changes_by_index(log_index at, Value first) : all_{{at, std::move(first)}} {}

  const Value& latest() const { return all_.back().second; }
  log_index latest_at() const { return all_.back().first; }
  // The value in force at `index`; the first one for an index before it.
  const Value& as_of(log_index index) const {
    auto at = all_.size() - 1;
    while (at > 0 && all_[at].first > index) --at;
    return all_[at].second;
  }
  void put(log_index at, Value one) { all_.emplace_back(at, std::move(one)); }
  void truncate_from(log_index index) {
    while (all_.size() > 1 && all_.back().first >= index) all_.pop_back();
  }
  void compact_to(log_index index) {
    std::size_t older = 0;
    while (older + 1 < all_.size() && all_[older + 1].first <= index) ++older;
    all_.erase(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(older));
  }

 private:
  std::vector<std::pair<log_index, Value>> all_;
};

class raft_log {
 public:
  raft_log() = default;
  // An empty log whose first entry will follow the entry at `base`.
  raft_log(log_index base, term_number base_term, configuration members, machine_version version);

  log_index base() const { return base_; }
  log_index last() const { return base_ + size(); }
  term_number last_term() const { return term_at(last()); }
  std::size_t bytes() const { return bytes_; }
  // 0 for an index before base() or after last().
  term_number term_at(log_index index) const {
    if (index <= base_ || index > last()) return index == base_ ? base_term_ : 0;
    return entries_[head_ + index - base_ - 1].term;
  }
  // base() < index <= last()
  const entry& at(log_index index) const { return entries_[head_ + index - base_ - 1]; }
  // The entries from `first` on, at most `most` of them and `weight` bytes, but at least one if there is one.
  std::span<const entry> slice(log_index first, std::size_t most, std::size_t weight) const;
  // The last index, not above `index`, whose term is not above `term`; base() if there is none.
  log_index last_not_above(log_index index, term_number term) const;

  // The payload of a configuration entry must be well-formed; the caller has checked it.
  void append(entry one);
  void truncate_from(log_index index); // index > base()
  void compact_to(log_index index);    // base() <= index <= last()

  // The configuration in force: the last one in the log.
  const configuration& members() const { return members_.latest(); }
  // Index of the entry that brought members(). 0, or at most base(): the configuration is older than the log.
  log_index members_at() const { return members_.latest_at(); }
  // The configuration in force at an index, base() <= index <= last().
  const configuration& members_as_of(log_index index) const { return members_.as_of(index); }
  // The group's version at the end of the log, the index of the entry that brought it (see members_at()),
  // and the version in force at an index.
  machine_version version() const { return versions_.latest(); }
  log_index version_at() const { return versions_.latest_at(); }
  machine_version version_as_of(log_index index) const { return versions_.as_of(index); }

 private:
  std::size_t size() const { return entries_.size() - head_; }

  std::vector<entry> entries_; // the first `head_` are removed
  std::size_t head_ = 0;
  log_index base_ = 0;
  term_number base_term_ = 0;
  std::size_t bytes_ = 0;
  changes_by_index<configuration> members_;
  changes_by_index<machine_version> versions_;
};

} // namespace coppice::consensus
