// SPDX-License-Identifier: MIT
// Messages at a boundary that carries no C++ types (the plugin API): a message's block as a plain address,
// and room to write a message into. An owner is null if the bytes need none (message::immortal), else an even
// address that stands for one reference. Any thread, each reference by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/messages/block.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::runtime {

struct raw_message {
  // Bytes left free in front of what is written, so that the envelope of a call or cast can be put there.
  static constexpr std::size_t front = 128;

  static void* owner(const message& m) { return m.block_; } // m keeps its reference
  static void* disown(message& m);                          // the caller gets the reference; m is empty
  static message adopt(void* owner, etf::bytes part) {      // takes the caller's reference
    return {static_cast<block*>(owner), part};
  }
  static message share(void* owner, etf::bytes part); // adds a reference
  static void release(void* owner);
  // Whether `part` lies in the owner's memory.
  [[gnu::always_inline]] static bool keeps(const void* owner, etf::bytes part) {
    auto* memory = static_cast<block*>(const_cast<void*>(owner));
    if (memory->borrowed) [[unlikely]]
      return is_part(part, reinterpret_cast<const borrowed_bytes*>(memory->data())->term);
    return is_part(part, {memory->data(), memory->capacity});
  }
  // A copy of one term, with room in front for the envelope of a cast.
  static message copy_of(etf::bytes term);

  struct room {
    void* owner = nullptr; // holds one reference
    std::uint8_t* begin = nullptr;
    std::uint8_t* end = nullptr;
  };
  // Has at least `size` bytes.
  static room allocate(std::size_t size);
  // The same bytes with room for `size` in all; `from` is used up. Empty, and `from` is unchanged: over 4
  // GiB.
  static room grow(room from, std::size_t written, std::size_t size);

 private:
  static bool is_part(etf::bytes part, etf::bytes all) {
    const auto begin = reinterpret_cast<std::uintptr_t>(part.data());
    const auto from = reinterpret_cast<std::uintptr_t>(all.data());
    return begin >= from && part.size() <= all.size() && begin - from <= all.size() - part.size();
  }
};

// The term made of `front` and the bytes of m. Uses m's block if no other message holds it and there is room.
message with_front(etf::bytes front, message m);
// As with_front(), with `size` bytes that the caller has to write to `out_front` at once.
message with_room_in_front(std::size_t size, message m, std::uint8_t*& out_front);

} // namespace coppice::runtime
