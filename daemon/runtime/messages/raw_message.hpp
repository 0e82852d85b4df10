// SPDX-License-Identifier: MIT
// Messages for a boundary that carries no C++ types: the memory a message keeps as a plain address, and a
// room to write one into. An owner is null for bytes nobody keeps (message::immortal), else an even address
// that stands for one reference. Any thread, each reference by one at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/messages/block.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::runtime {

struct raw_message {
  // Left free before what is written, so that the envelope it will travel in can be put there.
  static constexpr std::size_t front = 128;

  static void* owner(const message& m) { return m.block_; } // m keeps its reference
  static void* disown(message& m);                          // the caller has it now; m is empty
  static message adopt(void* owner, etf::bytes part) {      // takes the caller's
    return {static_cast<block*>(owner), part};
  }
  static message share(void* owner, etf::bytes part); // adds one
  static void release(void* owner);
  // Whether `part` lies in the owner's memory.
  [[gnu::always_inline]] static bool keeps(const void* owner, etf::bytes part) {
    auto* memory = static_cast<block*>(const_cast<void*>(owner));
    if (memory->borrowed) [[unlikely]]
      return is_part(part, reinterpret_cast<const borrowed_bytes*>(memory->data())->term);
    return is_part(part, {memory->data(), memory->capacity});
  }
  // A copy of one term, with room in front for the little that a cast's envelope is.
  static message copy_of(etf::bytes term);

  struct room {
    void* owner = nullptr; // one reference
    std::uint8_t* begin = nullptr;
    std::uint8_t* end = nullptr;
  };
  // Room for at least `size` bytes.
  static room allocate(std::size_t size);
  // The same bytes with room for `size` in all; `from` is spent. Empty, and `from` stays: over 4 GiB.
  static room grow(room from, std::size_t written, std::size_t size);

 private:
  static bool is_part(etf::bytes part, etf::bytes all) {
    const auto begin = reinterpret_cast<std::uintptr_t>(part.data());
    const auto from = reinterpret_cast<std::uintptr_t>(all.data());
    return begin >= from && part.size() <= all.size() && begin - from <= all.size() - part.size();
  }
};

// The term made of `front` and then m's bytes: in m's memory if nobody else has it and there is room.
message with_front(etf::bytes front, message m);
// The same for a front of `size` bytes that the caller writes to `out_front` at once.
message with_room_in_front(std::size_t size, message m, std::uint8_t*& out_front);

} // namespace coppice::runtime
