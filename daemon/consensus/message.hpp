// SPDX-License-Identifier: MIT
// What members say to each other. Every message names the cluster, its sender and its receiver; one that is
// for another cluster or another member is dropped by its receiver. Messages may be lost, come twice, late
// and in another order. Any thread.
#pragma once

#include <variant>
#include <vector>

#include "consensus/types.hpp"

namespace coppice::consensus {

// A candidate asks for a vote. Of a pre-vote the message's term is the one that the candidate would have.
struct vote_request {
  log_index last_index = 0;
  term_number last_term = 0;
  bool pre = false;
  bool transfer =
      false; // the leader told the sender to stand: its voters don't wait for their leader's silence
  bool operator==(const vote_request&) const = default;
};
struct vote_answer {
  bool pre = false;
  bool granted = false; // of a pre-vote: the message's term is the request's
  bool operator==(const vote_answer&) const = default;
};

// Entries from previous + 1 on.
struct append_request {
  log_index previous = 0;
  term_number previous_term = 0;
  log_index commit = 0;
  std::vector<entry> entries{};
  bool operator==(const append_request&) const = default;
};
struct append_answer {
  bool accepted = false;
  // Accepted: the sender's log equals the leader's up to here, and is on disk. Else: the request's
  // `previous`.
  log_index index = 0;
  // Refused: the last entry that may be equal, so that the leader need not look above.
  log_index hint = 0;
  term_number hint_term = 0;
  bool operator==(const append_answer&) const = default;
};

// Short, apart from append_request, so that an owner may send those of many groups as one.
struct heartbeat {
  log_index commit = 0;    // never above what the receiver has acknowledged
  std::uint64_t round = 0; // to be answered. 0: no answer
  bool operator==(const heartbeat&) const = default;
};
struct heartbeat_answer {
  std::uint64_t round = 0;
  log_index received = 0;    // the log equals the leader's up to here, on disk or not yet
  log_index stored = 0;      // up to here it is on disk; not above `received`
  std::uint32_t version = 0; // the newest of the state machine that the sender's code has
  bool operator==(const heartbeat_answer&) const = default;
};

// A follower asks from which index on its state may answer reads.
struct read_request {
  std::uint64_t number = 0; // the follower's
  bool operator==(const read_request&) const = default;
};
struct read_answer {
  std::uint64_t number = 0;
  log_index index = 0; // 0: the receiver of the request is no leader, or has no room
  bool operator==(const read_answer&) const = default;
};

// A part of a snapshot's bytes. The core leaves `bytes` empty; its owner fills them in, `length` from
// `offset` on, before the message leaves, or drops the message.
struct snapshot_chunk {
  snapshot_meta of{}; // its members only where offset is 0
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  payload bytes{};
  bool operator==(const snapshot_chunk&) const = default;
};
struct snapshot_answer {
  log_index index = 0;
  std::uint64_t digest = 0;
  std::uint64_t offset = 0; // the next byte that is wanted
  bool accepted = false;    // false: the chunk was not the next one
  bool operator==(const snapshot_answer&) const = default;
};

// The leader hands over to the receiver, which stands for election at once.
struct elect_now {
  bool operator==(const elect_now&) const = default;
};

using message_body =
    std::variant<vote_request, vote_answer, append_request, append_answer, heartbeat, heartbeat_answer,
                 read_request, read_answer, snapshot_chunk, snapshot_answer, elect_now>;

struct message {
  cluster_id cluster{};
  member_id from{}, to{};
  term_number term = 0;
  message_body body{};
  bool operator==(const message&) const = default;
};

} // namespace coppice::consensus
