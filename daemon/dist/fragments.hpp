// SPDX-License-Identifier: MIT
// Joins messages that come in fragments. Each fragment is made canonical when it comes, so a long message
// never costs more time at once than one fragment. At most most_at_once messages may be unfinished; their
// memory is bounded for all connections together (unfinished_messages.hpp). A message over the limits of a
// term is dropped whole and counted, and the connection lives on. Malformed data, or a fragment that belongs
// to no message, is an error that ends the connection. The connection's thread.
#pragma once

#include <coppice/etf/canonical_stream.hpp>
#include <coppice/etf/limits.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"
#include "dist/atom_cache_reader.hpp"
#include "dist/payload_writer.hpp"

namespace coppice::dist {

// Borrows from `atoms`.
etf::atom_lookup lookup_in(const owned_atoms& atoms);

// Whether the message is merely over a limit. That costs the sender its message; malformed data costs it the
// connection.
inline bool is_over_limit(const etf::error& why) {
  return why.code == etf::errc::too_deep || why.code == etf::errc::too_large ||
         why.code == etf::errc::out_of_memory;
}

class fragments {
 public:
  static constexpr std::size_t most_at_once = 4096; // unfinished messages
  // A message that is complete, or that was dropped.
  struct joined {
    std::vector<std::uint8_t> control; // as it was passed to first()
    runtime::message payload;          // canonical; empty if it had no bytes
    std::string dropped;               // why there is no payload, reported as soon as it is known; else empty
  };

  explicit fragments(const etf::limits& terms) : terms_(terms) {}

  // The first fragment, with the whole control message. `fragment`: the number of fragments. `more`:
  // `payload` is only a part of the fragment; next() brings the other parts, the last of them without `more`.
  base::result<std::optional<joined>> first(std::uint64_t sequence, std::uint64_t fragment,
                                            const atom_table& atoms, std::span<const std::uint8_t> control,
                                            std::span<const std::uint8_t> payload, bool more = false);
  // The following fragments, numbered in falling order down to 1, which completes the message.
  base::result<std::optional<joined>> next(std::uint64_t sequence, std::uint64_t fragment,
                                           std::span<const std::uint8_t> payload, bool more = false);

  std::size_t unfinished() const { return open_.size(); }
  // Bytes of memory of all unfinished messages.
  std::size_t bytes() const { return bytes_; }
  // The part of bytes() that is in no message's block, including the entries whose message was dropped.
  std::size_t outside_blocks() const { return outside_ + open_.size() * entry_bytes; }

  struct one {
    std::uint64_t sequence = 0;
    std::size_t bytes = 0;
    std::uint32_t idle = 0; // calls of grow_older() since bytes of it came
  };
  void grow_older();
  // The message that has been idle longest, and the one that holds the most. A zero field says that there is
  // none.
  one oldest() const;
  one largest() const;

  std::uint64_t dropped() const { return dropped_; }

 private:
  struct message_state {
    message_state(const atom_table& table, std::span<const std::uint8_t> head, const etf::limits& terms);
    std::size_t bytes() const { return outside_blocks() + out.capacity(); }
    std::size_t outside_blocks() const {
      return sizeof *this + atoms.bytes() + control.capacity() + in.held();
    }

    owned_atoms atoms;
    std::vector<std::uint8_t> control;
    payload_writer out;
    etf::canonical_stream in;
    bool empty = true;
  };
  struct sequence_state {
    std::uint64_t expected = 0;
    std::uint32_t idle = 0;
    std::unique_ptr<message_state> message; // null: dropped
  };
  using place = std::unordered_map<std::uint64_t, sequence_state>::iterator;
  // Bytes of an entry of open_, with its hash, its link and its bucket.
  static constexpr std::size_t entry_bytes = sizeof(sequence_state) + 4 * sizeof(std::uint64_t);

  void count(const message_state& added);
  void uncount(const message_state& leaving);
  void make_room(const sequence_state& s, std::size_t size) const;
  base::result<std::optional<joined>> add(place at, std::span<const std::uint8_t> payload, bool more);
  joined drop(sequence_state& s, std::string why);
  base::result<std::optional<joined>> finish(place at);

  etf::limits terms_;
  std::unordered_map<std::uint64_t, sequence_state> open_;
  std::size_t bytes_ = 0;
  std::size_t outside_ = 0; // the part of bytes_ that is in no block
  std::uint64_t dropped_ = 0;
};

} // namespace coppice::dist
