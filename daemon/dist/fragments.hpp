// SPDX-License-Identifier: MIT
// Messages that come in fragments: each fragment is made canonical as it comes, so that a long message costs
// no more at once than a piece of it does. Several may be under way, one a sender; how many is bounded here,
// how many bytes of memory they hold by all connections together (unfinished_messages.hpp). A message over a
// term's limits is dropped whole and counted while its connection lives on; nonsense, and a fragment that
// fits no message, is an error that ends it. One thread, the connection's.
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

// Whether the sender meant well: too much costs it its message, nonsense the connection.
inline bool is_over_limit(const etf::error& why) {
  return why.code == etf::errc::too_deep || why.code == etf::errc::too_large ||
         why.code == etf::errc::out_of_memory;
}

class fragments {
 public:
  static constexpr std::size_t most_at_once = 4096; // unfinished
  // The end of a message.
  struct joined {
    std::vector<std::uint8_t> control; // as it was given
    runtime::message payload;          // canonical; none if there was not a byte of one
    std::string dropped;               // why there is none, told as soon as it is known; else empty
  };

  explicit fragments(const etf::limits& terms) : terms_(terms) {}

  // A first fragment, which has all of the control message: `fragment` is how many there are. `more`: it is a
  // part of a fragment, whose other parts come by next(), the last one without `more`.
  base::result<std::optional<joined>> first(std::uint64_t sequence, std::uint64_t fragment,
                                            const atom_table& atoms, std::span<const std::uint8_t> control,
                                            std::span<const std::uint8_t> payload, bool more = false);
  // The following ones, in falling order down to 1, which gives the message.
  base::result<std::optional<joined>> next(std::uint64_t sequence, std::uint64_t fragment,
                                           std::span<const std::uint8_t> payload, bool more = false);

  std::size_t unfinished() const { return open_.size(); }
  // Of memory, for all unfinished ones.
  std::size_t bytes() const { return bytes_; }

  struct one {
    std::uint64_t sequence = 0;
    std::size_t bytes = 0;
    std::uint32_t idle = 0; // how often grow_older() was called since some of it came
  };
  void grow_older();
  // That of which nothing has come for longest, and that which holds the most; 0 if there is none.
  one oldest() const;
  one largest() const;

  std::uint64_t dropped() const { return dropped_; }

 private:
  struct message_state {
    message_state(const atom_table& table, std::span<const std::uint8_t> head, const etf::limits& terms);
    std::size_t bytes() const {
      return sizeof *this + atoms.bytes() + control.capacity() + out.capacity() + in.held();
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

  void make_room(const sequence_state& s, std::size_t size) const;
  base::result<std::optional<joined>> add(place at, std::span<const std::uint8_t> payload, bool more);
  joined drop(sequence_state& s, std::string why);
  base::result<std::optional<joined>> finish(place at);

  etf::limits terms_;
  std::unordered_map<std::uint64_t, sequence_state> open_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

} // namespace coppice::dist
