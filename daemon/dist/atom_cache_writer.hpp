// SPDX-License-Identifier: MIT
// The sending half of the distribution's atom cache: it knows which atom each of the peer's 8 × 256 slots
// holds, and replaces the atoms of control messages by references to slots. Payloads are left as they are.
// The slot is chosen by the atom's text; the atom replaces what the slot held. One for each connection; the
// connection's thread.
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
  // Appends a cache header, which begins with its count of references, then `control`, an encoded tuple whose
  // atoms become references where they have a slot. The appended bytes must be sent, because the peer's cache
  // follows them.
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
  // The atom's index in this header. -1: the atom is to be written as it is.
  int refer(std::string_view atom);

  std::array<std::string, slot_count> slots_;
  std::array<named, most_named> named_;
  std::size_t count_ = 0;
  etf::vector_writer body_{256};
};

} // namespace coppice::dist
