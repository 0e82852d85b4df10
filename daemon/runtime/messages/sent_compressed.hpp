// SPDX-License-Identifier: MIT
// How a process wants what it sends to other nodes compressed, where those take it, in one word that any
// thread may exchange; and what that comes to for one message, in the one byte its signal carries. Plain
// values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace coppice::runtime {

class sent_compressed {
 public:
  // A signal's: as the node does it, not at all, or at a level, which is this plus the level.
  static constexpr std::uint8_t as_the_node = 0;
  static constexpr std::uint8_t never = 1;

  // As the node does it.
  constexpr sent_compressed() = default;
  // Messages of at least `threshold` bytes at `level`, 0 to 12 as dist::compression_settings has it; smaller
  // ones not at all. A threshold of 256 MiB or more is never reached.
  static constexpr sent_compressed at(std::uint32_t level, std::uint64_t threshold) {
    if (threshold > most) return sent_compressed(never);
    return sent_compressed(static_cast<std::uint32_t>(threshold) << choice_bits | (never + level));
  }

  constexpr std::uint8_t choice_for(std::size_t bytes) const {
    const auto choice = static_cast<std::uint8_t>(word_ & ((1U << choice_bits) - 1));
    return choice > never && bytes < word_ >> choice_bits ? never : choice;
  }
  friend constexpr bool operator==(const sent_compressed&, const sent_compressed&) = default;

 private:
  static constexpr unsigned choice_bits = 4;
  static constexpr std::uint32_t most = UINT32_MAX >> choice_bits;

  constexpr explicit sent_compressed(std::uint32_t word) : word_(word) {}
  std::uint32_t word_ = as_the_node; // the choice, and the threshold above it
};

} // namespace coppice::runtime
