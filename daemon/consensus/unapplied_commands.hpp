// SPDX-License-Identifier: MIT
// The commands of sessions that are in a leader's log and that its state machine has not applied yet, by
// session. So one look-up tells whether a session has such a command. Each entry of the log is read once, as
// long as the leader's term lasts and the state machine does not begin anew. One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "consensus/raft_log.hpp"

namespace coppice::consensus {

class unapplied_commands {
 public:
  // Reads the entries that the log has got since the last call, and forgets the commands that were applied
  // since then. Returns how many entries were read. `term`: the term in which the log's owner leads. Within
  // one term entries are only appended. All entries are read again in another term, and when the state
  // machine has begun anew and has applied less than before.
  std::uint64_t follow(const raft_log& log, term_number term, log_index applied);
  // Forgets the commands that are applied by now, so that they do not stay until the next follow().
  void forget_up_to(log_index applied);
  // Whether one of the entries is a command of that session with that number or a later one. Also true if
  // such a command was applied and later commands of its session were not: it was in the log.
  bool has(std::uint64_t client, std::uint64_t sequence) const;

  std::size_t size() const { return entries_.size(); } // commands of sessions

 private:
  struct place {
    log_index index = 0;
    std::uint64_t client = 0;
  };
  struct session {
    std::uint64_t highest = 0; // number of a command
    std::size_t entries = 0;   // not 0
  };

  term_number term_ = 0;
  log_index read_ = 0, applied_ = 0; // the last entry that was read; the last one that was applied
  std::deque<place> entries_;
  std::unordered_map<std::uint64_t, session> sessions_;
};

} // namespace coppice::consensus
