// SPDX-License-Identifier: MIT
// Joins messages that came in fragments. Several may be under way at once, one a sender; how many and how
// many bytes they hold is bounded. A message over the byte bound is dropped whole and counted while its
// connection lives on; a fragment that fits no message is an error that ends it. One thread, the
// connection's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

#include "base/error.hpp"
#include "dist/atom_cache.hpp"
#include "dist/message_bytes.hpp"

namespace coppice::dist {

class fragments {
 public:
  struct bounds {
    std::size_t sequences = 4096;               // unfinished at once
    std::size_t bytes = std::size_t{256} << 20; // of all unfinished together
  };
  // A message that is whole: control and payload, behind the header.
  struct joined {
    owned_atoms atoms;
    runtime::message body;
  };

  explicit fragments(bounds most) : most_(most) {}

  // A first fragment: `fragment` is how many there are. One fragment is a whole message already.
  base::result<std::optional<joined>> first(std::uint64_t sequence, std::uint64_t fragment,
                                            const atom_table& atoms, std::span<const std::uint8_t> body);
  // The following ones, in falling order down to 1, which gives the message.
  base::result<std::optional<joined>> next(std::uint64_t sequence, std::uint64_t fragment,
                                           std::span<const std::uint8_t> body);

  std::size_t unfinished() const { return open_.size(); }
  std::size_t bytes() const { return bytes_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  struct sequence_state {
    std::uint64_t expected = 0;
    bool dropped = false;
    owned_atoms atoms;
    message_bytes body;
    std::size_t bytes() const { return body.size() + atoms.bytes(); }
  };

  static bool make_room(sequence_state& s, std::size_t size);
  void add(sequence_state& s, std::span<const std::uint8_t> body);
  std::optional<joined> finish(std::unordered_map<std::uint64_t, sequence_state>::iterator at);

  bounds most_;
  std::unordered_map<std::uint64_t, sequence_state> open_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

} // namespace coppice::dist
