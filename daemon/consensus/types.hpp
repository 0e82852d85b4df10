// SPDX-License-Identifier: MIT
// The plain values of this room: identities, log entries, the state on the disk. An entry's index is not
// stored in it; it follows from the entry's place. Any thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace coppice::consensus {

using log_index = std::uint64_t;   // index of an entry in the log, from 1. 0: none
using term_number = std::uint64_t; // from 1. 0: none

// Messages with larger indices or terms are refused, so that sums of them cannot overflow.
inline constexpr std::uint64_t largest_number = std::uint64_t{1} << 62;

// Messages with larger values are refused. All members have the same bounds: if they differed, a follower
// might never accept an entry that its leader has committed.
inline constexpr std::size_t largest_entry = 64 * 1024 * 1024;            // bytes of the payload
inline constexpr std::uint64_t largest_snapshot = std::uint64_t{1} << 40; // bytes
inline constexpr std::uint32_t largest_chunk = 16 * 1024 * 1024; // bytes of a snapshot in one message
inline constexpr std::uint32_t largest_batch = 65'536;           // entries in one message

// 128 random bits. A member's identity is in its data folder: an emptied disk makes a new member. All zero:
// none.
struct identity {
  std::uint64_t high = 0, low = 0;
  explicit operator bool() const { return (high | low) != 0; }
  auto operator<=>(const identity&) const = default;
};
using member_id = identity;
using cluster_id = identity;

// Bytes that never change, shared by the log, messages and writes. A few bytes are stored in the object
// itself.
class payload {
 public:
  payload() = default;
  explicit payload(base::bytes_span bytes) : size_(static_cast<std::uint32_t>(bytes.size())) {
    if (bytes.empty()) return;
    if (size_ <= inside_.size()) {
      std::memcpy(inside_.data(), bytes.data(), size_);
      return;
    }
    const auto room = std::make_shared<std::uint8_t[]>(size_);
    std::memcpy(room.get(), bytes.data(), size_);
    outside_ = room;
  }

  std::size_t size() const { return size_; }
  base::bytes_span bytes() const {
    return {size_ <= inside_.size() ? inside_.data() : outside_.get(), size_};
  }
  bool operator==(const payload& other) const {
    return size_ == other.size_ &&
           (size_ == 0 || std::memcmp(bytes().data(), other.bytes().data(), size_) == 0);
  }

 private:
  std::shared_ptr<const std::uint8_t[]> outside_; // null: the bytes are in inside_
  std::uint32_t size_ = 0;
  std::array<std::uint8_t, 12> inside_{};
};

// Version of the rules that the state machine applies and of the form in which it writes its state. A group
// has one version, named by its log. 0: no entry of the kind `version` was logged.
using machine_version = std::uint32_t;

// The versions that a member's code knows. Aligned as one word, so that an atomic holds it without a lock:
// if it is aligned by its parts, clang calls a library.
struct alignas(std::uint64_t) version_range {
  machine_version oldest = 0, newest = 0;
  bool has(machine_version one) const { return oldest <= one && one <= newest; }
  // Whether the code can go over from `one` to the next version.
  bool goes_beyond(machine_version one) const { return oldest <= one && one < newest; }
  bool operator==(const version_range&) const = default;
};

enum class entry_kind : std::uint8_t {
  command,       // for the state machine
  no_op,         // the first entry of each leader
  configuration, // its payload is a configuration, in force as soon as it is in the log
  session,       // opens a session; the body names the client's node, the index is the session's number
  version,       // from here on the group's version is the entry's sequence
  skip,          // passes over the command whose serial is the entry's sequence
};

struct entry {
  term_number term = 0;
  std::uint64_t client = 0; // session of a command. 0: no session
  std::uint64_t sequence = 0;
  entry_kind kind = entry_kind::no_op;
  payload body{};
  bool operator==(const entry&) const = default;
  // Bytes that the entry counts against bounds.
  std::size_t weight() const { return body.size() + 48; }
};

// Has to be on the disk before any message that follows from it is sent.
struct hard_state {
  term_number term = 0;
  member_id voted_for{}; // none: no vote in this term
  bool operator==(const hard_state&) const = default;
};

enum class member_role : std::uint8_t {
  voter,
  learner, // gets the log, but has no vote
  joining, // a learner that becomes a voter once it has caught up
};

struct member {
  member_id id{};
  member_role role = member_role::voter;
  std::string address{}; // where the member is; only the owner reads it
  bool operator==(const member&) const = default;
};

// The members that store the log, and which of them vote. Sorted by id, each once.
class configuration {
 public:
  static constexpr std::size_t max_members = 64;
  static constexpr std::size_t max_address = 1024;
  static constexpr std::size_t max_encoded = 1 + max_members * (16 + 1 + 2 + max_address); // bytes

  const std::vector<member>& members() const { return members_; }
  const member* find(const member_id& id) const;
  bool votes(const member_id& id) const;
  std::size_t voters() const;
  std::size_t majority() const { return voters() / 2 + 1; }
  void put(member one); // replaces the member with its id
  void remove(const member_id& id);
  bool operator==(const configuration&) const = default;

  payload encode() const;
  // False: malformed, too many members, a member twice, or no voter.
  bool decode(base::bytes_span from);

 private:
  std::vector<member> members_;
};

// Describes a snapshot; only the owner has its bytes.
struct snapshot_meta {
  log_index index = 0; // the last entry that it contains. 0: there is no snapshot
  term_number term = 0;
  std::uint64_t size = 0;      // of the snapshot, in bytes
  std::uint64_t digest = 0;    // of the bytes; members' snapshots at one index may differ
  configuration members{};     // at `index`
  machine_version version = 0; // of the group at `index`
  bool same_bytes(const snapshot_meta& other) const {
    return index == other.index && term == other.term && size == other.size && digest == other.digest;
  }
  bool operator==(const snapshot_meta&) const = default;
};

// The state that a member finds on its disk at the start.
struct durable_state {
  hard_state hard{};
  snapshot_meta snapshot{};
  // Index and term of the entry before entries[0].
  log_index before = 0;
  term_number before_term = 0;
  std::vector<entry> entries{};
};

} // namespace coppice::consensus
