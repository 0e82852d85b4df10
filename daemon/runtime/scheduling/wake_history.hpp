// SPDX-License-Identifier: MIT
// The other worker from which a process was woken last, and how often in a row. A process that is woken by
// the same worker again and again moves there (placement.cpp). For the owner's thread.
#pragma once

#include <cstdint>

namespace coppice::runtime {

class wake_history {
 public:
  static constexpr std::uint16_t most = 7;

  // Notes that the worker with this index, at most 1023, woke it. Returns how often in a row, up to `most`.
  std::uint16_t note(std::uint16_t worker) {
    const auto row = static_cast<std::uint16_t>(word_ >> index_bits);
    const bool again = (word_ & index_mask) == worker && row != none >> index_bits;
    const auto now = static_cast<std::uint16_t>(!again ? 1 : row < most ? row + 1 : most);
    word_ = static_cast<std::uint16_t>(now << index_bits | worker);
    return now;
  }
  // The process's own worker woke it, or it has moved.
  void forget() { word_ = none; }

 private:
  static constexpr unsigned index_bits = 10;
  static constexpr std::uint16_t index_mask = (1U << index_bits) - 1;
  static constexpr std::uint16_t none = UINT16_MAX;

  std::uint16_t word_ = none;
};

} // namespace coppice::runtime
