// SPDX-License-Identifier: MIT
// What the core wants done. Its owner carries out the lists of one call and clears them before it makes the
// next call, except that writes may finish later: in their order, each told by core::written(). Messages may
// leave at once: what must be on disk before it is said does not appear here before it is. Any thread.
#pragma once

#include <optional>
#include <vector>

#include "consensus/message.hpp"

namespace coppice::consensus {

// A piece of a snapshot that comes from the leader, to be kept apart from the one in use.
struct snapshot_piece {
  snapshot_meta of{}; // a piece at offset 0 begins anew whatever was there
  std::uint64_t offset = 0;
  payload bytes{};
};

// One change of what is on disk, all of it or nothing. Its parts apply in the order of the fields. Where a
// write fails, or is refused because the disk is full, this core is over: its owner calls nothing of it any
// more and starts another one from what the disk has. Later writes without entries may be on disk then.
struct write {
  std::uint64_t number = 0;            // from 1, without gaps
  std::optional<cluster_id> cluster{}; // this member is of this cluster from now on, and starts with it
  std::optional<hard_state> hard{};
  std::optional<snapshot_piece> piece{};
  // The pieces are whole: they become the snapshot in use. The log goes on behind its index; `keep_log`: the
  // entries behind that index stay, else none does.
  std::optional<snapshot_meta> install{};
  bool keep_log = false;
  log_index compact_to = 0; // entries up to here are not needed any more; the term of this one is. 0: none
  term_number compact_term = 0;
  log_index truncate_from = 0; // entries from here on are void. 0: none
  log_index first = 0;         // the index of entries[0]
  std::vector<entry> entries{};
};

enum class outcome : std::uint8_t {
  // The entry is committed at `index`; its reply comes of applying it. Of a change of members and of a
  // transfer as well: it is done.
  committed,
  // Not done, and never will be.
  has_leader,   // recovered alone: a leader is known, so that no majority was lost
  no_leader,    // this member does not lead; `leader` says who does, if that is known
  overloaded,   // a bound of the options is reached
  too_large,    // an entry above max_entry
  transferring, // leadership is being handed over
  busy,         // another change of members is under way, or the leader has committed nothing in its term
  invalid,      // no such member, one that is there already, the last voter
  timed_out,    // of reads and transfers: not done
  // The entry may or may not be committed later. Of a transfer: the other member was told to stand, and is
  // not
  // known to have become leader next.
  unknown,
};

struct answer {
  std::uint64_t token = 0;
  outcome what = outcome::unknown;
  log_index index = 0;
  member_id leader{};
};

// A read that may be answered from any state that contains the entry at `index`.
struct ready_read {
  std::uint64_t token = 0;
  log_index index = 0;
};

struct effects {
  std::vector<message> messages;
  std::vector<write> writes;
  std::vector<answer> answers;
  std::vector<ready_read> reads;
  // The state machine's state is to be replaced by the snapshot in use, before anything is applied.
  std::optional<snapshot_meta> restore;
  // Entries up to here are committed and may be applied, each after those before it. 0: as before.
  log_index committed = 0;
  // Snapshots older than the one in use that no member is being sent any more.
  std::vector<snapshot_meta> released;
  bool changed = false; // role, term or leader

  void clear() {
    messages.clear();
    writes.clear();
    answers.clear();
    reads.clear();
    restore.reset();
    committed = 0;
    released.clear();
    changed = false;
  }
};

} // namespace coppice::consensus
