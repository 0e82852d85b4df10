// SPDX-License-Identifier: MIT
// The work that a call of the core gives to its owner. The owner carries out the lists of one call and
// clears them before it makes the next call. Only writes may finish later; they finish in order, and the
// owner reports each by core::written(). Messages may leave at once: a message that depends on a write
// appears here only after that write is on the disk. Any thread.
#pragma once

#include <optional>
#include <vector>

#include "consensus/message.hpp"

namespace coppice::consensus {

// A piece of a snapshot that the leader sends. Pieces are kept apart from the snapshot in use.
struct snapshot_piece {
  snapshot_meta of{}; // a piece at offset 0 replaces the pieces of any earlier transfer
  std::uint64_t offset = 0;
  payload bytes{};
};

// One change of the state on the disk, made as a whole or not at all. Its parts apply in the order of the
// fields. If a write fails, or is refused because the disk is full, this core is at its end: its owner calls
// no function of it any more and starts another core from the disk's state. No later write is on the disk
// then: each one makes sense only behind those before it.
struct write {
  std::uint64_t number = 0; // from 1, without gaps
  // From now on, and when it starts again, this member belongs to this cluster.
  std::optional<cluster_id> cluster{};
  std::optional<hard_state> hard{};
  std::optional<snapshot_piece> piece{};
  // The pieces are complete and become the snapshot in use. The log continues after its index. `keep_log`:
  // entries after that index stay; otherwise none does.
  std::optional<snapshot_meta> install{};
  bool keep_log = false;
  // Entries up to this index are not needed any more, but the term of the entry at this index still is.
  // 0: none.
  log_index compact_to = 0;
  term_number compact_term = 0;
  log_index truncate_from = 0; // entries from here on are void. 0: none
  log_index first = 0;         // the index of entries[0]
  std::vector<entry> entries{};
};

enum class outcome : std::uint8_t {
  // The entry is committed at `index`; applying it gives the reply. A change of members or a transfer is
  // done.
  committed,
  // From here to `timed_out`: the request was not done, and never will be.
  has_leader,   // for recover_alone(): a leader is known, so no majority was lost
  no_leader,    // this member does not lead; `leader` names the leader if it is known
  overloaded,   // a bound of the options is reached
  too_large,    // the entry is longer than max_entry
  transferring, // leadership is being handed over
  busy,      // another change of members is under way, or the leader has committed no entry of its term yet
  invalid,   // no such member, a member that exists already, or the last voter
  not_ready, // the code of other voters cannot go over to the group's next version: see waits_for()
  timed_out, // reads and transfers only
  // The entry may or may not be committed later. For a transfer: the other member was told to stand, and it
  // is not known whether it became the next leader.
  unknown,
};

struct answer {
  std::uint64_t token = 0;
  outcome what = outcome::unknown;
  log_index index = 0;
  member_id leader{};
};

// The read may be answered from any state that contains the entry at `index`.
struct ready_read {
  std::uint64_t token = 0;
  log_index index = 0;
};

// A member lacks the entry at `index`, although it has acknowledged it in this term: its disk is an older
// copy, or has lost what it had synced. It gets the entries again.
struct lost_entry {
  member_id by{};
  log_index index = 0;
};

struct effects {
  std::vector<message> messages;
  std::vector<write> writes;
  std::vector<answer> answers;
  std::vector<ready_read> reads;
  // The state machine has to take its state from this snapshot, the one in use, before it applies anything.
  std::optional<snapshot_meta> restore;
  // Entries up to here are committed and may be applied in order. 0: no change.
  log_index committed = 0;
  // Snapshots older than the one in use that are not being sent to any member.
  std::vector<snapshot_meta> released;
  std::vector<lost_entry> lost; // for an operator
  bool changed = false;         // role, term or leader

  void clear() {
    messages.clear();
    writes.clear();
    answers.clear();
    reads.clear();
    restore.reset();
    committed = 0;
    released.clear();
    lost.clear();
    changed = false;
  }
};

} // namespace coppice::consensus
