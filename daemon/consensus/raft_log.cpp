// SPDX-License-Identifier: MIT
// The log in memory. Removed entries stay in the vector until they are half of it, so that each entry is
// moved a bounded number of times.
#include "consensus/raft_log.hpp"

#include <algorithm>

namespace coppice::consensus {

raft_log::raft_log(log_index base, term_number base_term, configuration members, machine_version version)
    : base_(base), base_term_(base_term), members_(base, std::move(members)), versions_(base, version) {}

std::span<const entry> raft_log::slice(log_index first, std::size_t most, std::size_t weight) const {
  if (first > last()) return {};
  const entry* const from = &at(first);
  const std::size_t there = std::min<std::size_t>(last() - first + 1, most);
  std::size_t count = 0;
  std::size_t sum = 0;
  while (count < there && (count == 0 || sum + from[count].weight() <= weight)) sum += from[count++].weight();
  return {from, count};
}

log_index raft_log::last_not_above(log_index index, term_number term) const {
  if (index <= base_) return base_;
  const auto begin = entries_.begin() + static_cast<std::ptrdiff_t>(head_);
  const auto end = begin + static_cast<std::ptrdiff_t>(std::min(index, last()) - base_);
  const auto above = std::upper_bound(begin, end, term,
                                      [](term_number sought, const entry& one) { return sought < one.term; });
  return base_ + static_cast<log_index>(above - begin);
}

void raft_log::append(entry one) {
  bytes_ += one.weight();
  entries_.push_back(std::move(one));
  const entry& added = entries_.back();
  if (added.kind == entry_kind::version) versions_.put(last(), static_cast<machine_version>(added.sequence));
  if (added.kind != entry_kind::configuration) return;
  configuration members;
  if (members.decode(added.body.bytes())) members_.put(last(), std::move(members));
}

void raft_log::truncate_from(log_index index) {
  for (log_index i = index; i <= last(); ++i) bytes_ -= at(i).weight();
  entries_.resize(head_ + index - base_ - 1);
  members_.truncate_from(index);
  versions_.truncate_from(index);
}

void raft_log::compact_to(log_index index) {
  if (index <= base_) return;
  base_term_ = term_at(index);
  for (log_index i = base_ + 1; i <= index; ++i) bytes_ -= at(i).weight();
  head_ += index - base_;
  base_ = index;
  members_.compact_to(index);
  versions_.compact_to(index);
  if (head_ * 2 < entries_.size()) return;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_));
  head_ = 0;
}

} // namespace coppice::consensus
