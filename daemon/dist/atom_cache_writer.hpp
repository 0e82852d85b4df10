// SPDX-License-Identifier: MIT
// The sending half of the distribution's atom cache: which of its 8 × 256 slots hold which atom at the peer,
// and a control message's atoms as references to them. Payloads go as they are. An atom always goes to the
// slot its text chooses and takes the place of what was there. A connection has one; one thread, the
// connection's.
#pragma once

#include <array>
#include <coppice/etf/types.hpp>
#include <coppice/etf/writer.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace coppice::dist {

class atom_cache_writer {
 public:
  // Appends a header from its count of references on, then `control`, an encoded tuple, with its atoms as
  // references where they have a slot. Whatever is appended has to be sent: the peer's cache follows it.
  void write(etf::writer& out, etf::bytes control);

 private:
  static constexpr std::size_t slot_count = 2048;
  static constexpr std::size_t most_named = 16; // in one control message
  struct named {
    std::uint16_t slot;
    bool fresh;
  };

  bool rewrite(etf::bytes control);
  void write_head(etf::writer& out) const;
  // The index of the atom in this header; -1: it is to be written out.
  int refer(std::string_view atom);

  std::array<std::string, slot_count> slots_;
  std::array<named, most_named> named_;
  std::size_t count_ = 0;
  etf::vector_writer body_{256};
};

} // namespace coppice::dist
