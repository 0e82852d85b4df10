// SPDX-License-Identifier: MIT
// How a process wants its messages to other nodes compressed, where those accept compression. One word, which
// any thread may exchange; choice_for() makes of it the byte that a message's signal carries. Plain values;
// any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace coppice::runtime {

class sent_compressed {
 public:
  // Values of signal::compression: as the node does it, never, or `never` + a level.
  static constexpr std::uint8_t as_the_node = 0;
  static constexpr std::uint8_t never = 1;

  // As the node does it.
  constexpr sent_compressed() = default;
  // Messages of at least `threshold` bytes are compressed at `level`, 0 to 12 as in
  // dist::compression_settings; smaller ones are not. A threshold of 256 MiB or more is never reached.
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
  std::uint32_t word_ = as_the_node; // the choice in the low bits, the threshold above it
};

} // namespace coppice::runtime
