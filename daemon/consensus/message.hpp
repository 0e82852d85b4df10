// SPDX-License-Identifier: MIT
// The messages between members. Every message names the cluster, its sender and its receiver; a receiver
// drops a message for another cluster or another member. Messages may be lost, repeated, delayed and
// reordered. Any thread.
#pragma once

#include <variant>
#include <vector>

#include "consensus/types.hpp"

namespace coppice::consensus {

// A candidate asks for a vote. In a pre-vote the message's term is the term that the candidate would have.
struct vote_request {
  log_index last_index = 0;
  term_number last_term = 0;
  bool pre = false;
  bool transfer = false; // the leader told the sender to stand: voters grant the vote although they still
                         // hear their leader
  bool operator==(const vote_request&) const = default;
};
struct vote_answer {
  bool pre = false;
  bool granted = false; // in a pre-vote that is granted, the message's term is the request's
  bool operator==(const vote_answer&) const = default;
};

// Carries the entries from previous + 1 on.
struct append_request {
  log_index previous = 0;
  term_number previous_term = 0;
  log_index commit = 0;
  std::vector<entry> entries{};
  bool operator==(const append_request&) const = default;
};
struct append_answer {
  bool accepted = false;
  // Accepted: up to here the sender's log equals the leader's and is on the disk. Refused: the request's
  // `previous`.
  log_index index = 0;
  // Refused: the last entry that may be equal, so that the leader does not try later ones.
  log_index hint = 0;
  term_number hint_term = 0;
  bool operator==(const append_answer&) const = default;
};

// Short, and apart from append_request, so that an owner may send the heartbeats of many groups together.
struct heartbeat {
  log_index commit = 0;    // at most the index that the receiver has acknowledged
  std::uint64_t round = 0; // the receiver answers with it. 0: no answer
  bool operator==(const heartbeat&) const = default;
};
struct heartbeat_answer {
  std::uint64_t round = 0;
  log_index received = 0;   // up to here the log equals the leader's, on the disk or not yet
  log_index stored = 0;     // up to here it is on the disk; at most `received`
  version_range versions{}; // known to the sender's code
  bool operator==(const heartbeat_answer&) const = default;
};

// A follower asks for the index from which on its state may answer reads.
struct read_request {
  std::uint64_t number = 0; // chosen by the follower
  bool operator==(const read_request&) const = default;
};
struct read_answer {
  std::uint64_t number = 0;
  log_index index = 0; // 0: the receiver of the request does not lead, or has no room
  bool operator==(const read_answer&) const = default;
};

// A part of a snapshot's bytes. The core leaves `bytes` empty. The owner fills in `length` bytes from
// `offset` on before the message leaves, or drops the message.
struct snapshot_chunk {
  snapshot_meta of{}; // with members and version only if `offset` is 0
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  payload bytes{};
  bool operator==(const snapshot_chunk&) const = default;
};
struct snapshot_answer {
  log_index index = 0;
  std::uint64_t digest = 0;
  std::uint64_t offset = 0; // the next byte that the sender needs
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
