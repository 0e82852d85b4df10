// SPDX-License-Identifier: MIT
// Messages for a boundary that carries no C++ types: the memory a message keeps as a plain address, and a
// room to write one into. An owner is null for bytes nobody keeps (message::immortal), else an even address
// that stands for one reference. Any thread, each reference by one at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/messages/message.hpp"

namespace coppice::runtime {

struct raw_message {
  // Left free before what is written, so that the envelope it will travel in can be put there.
  static constexpr std::size_t front = 128;

  static void* owner(const message& m) { return m.block_; } // m keeps its reference
  static void* disown(message& m);                          // the caller has it now; m is empty
  static message adopt(void* owner, etf::bytes part);       // takes the caller's
  static message share(void* owner, etf::bytes part);       // adds one
  static void release(void* owner);
  // Whether `part` lies in the owner's memory.
  static bool keeps(const void* owner, etf::bytes part);

  struct room {
    void* owner = nullptr; // one reference
    std::uint8_t* begin = nullptr;
    std::uint8_t* end = nullptr;
  };
  // Room for at least `size` bytes.
  static room allocate(std::size_t size);
  // The same bytes with room for `size` in all; `from` is spent. Empty, and `from` stays: over 4 GiB.
  static room grow(room from, std::size_t written, std::size_t size);
};

// The term made of `front` and then m's bytes: in m's memory if nobody else has it and there is room.
message with_front(etf::bytes front, message m);
// The same for a front of `size` bytes that the caller writes to `out_front` at once.
message with_room_in_front(std::size_t size, message m, std::uint8_t*& out_front);

} // namespace coppice::runtime
