// SPDX-License-Identifier: MIT
// See unapplied_commands.hpp.
#include "consensus/unapplied_commands.hpp"

#include <algorithm>

namespace coppice::consensus {

std::uint64_t unapplied_commands::follow(const raft_log& log, term_number term, log_index applied) {
  if (term_ != term || applied < applied_) {
    entries_.clear();
    sessions_.clear();
    term_ = term;
    read_ = applied_ = 0;
  }
  forget_up_to(applied);
  read_ = std::max({read_, applied, log.base()});
  const log_index before = read_;
  while (read_ < log.last()) {
    const entry& one = log.at(++read_);
    if (one.kind != entry_kind::command || one.client == 0) continue;
    entries_.push_back({read_, one.client});
    session& its = sessions_[one.client];
    its.highest = std::max(its.highest, one.sequence);
    ++its.entries;
  }
  return read_ - before;
}

bool unapplied_commands::has(std::uint64_t client, std::uint64_t sequence) const {
  const auto found = sessions_.find(client);
  return found != sessions_.end() && found->second.highest >= sequence;
}

void unapplied_commands::forget_up_to(log_index applied) {
  applied_ = std::max(applied_, applied);
  for (; !entries_.empty() && entries_.front().index <= applied; entries_.pop_front()) {
    const auto found = sessions_.find(entries_.front().client);
    if (--found->second.entries == 0) sessions_.erase(found);
  }
}

} // namespace coppice::consensus
