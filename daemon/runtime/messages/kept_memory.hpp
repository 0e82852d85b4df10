// SPDX-License-Identifier: MIT
// Memory that a process keeps for other nodes outside of messages. It counts inside node.limits.memory as
// messages do, as long as this object lives. One thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/messages/block.hpp"

namespace coppice::runtime {

// Approximate size of a table's entry beside its terms.
inline constexpr std::size_t memory_of_entry = 128;

class kept_memory {
 public:
  kept_memory() = default;
  kept_memory(const kept_memory&) = delete;
  kept_memory& operator=(const kept_memory&) = delete;
  ~kept_memory() { clear(); }

  void add(std::size_t bytes) {
    if (bytes == 0) return;
    bytes_ += bytes;
    block_memory::add(static_cast<std::int64_t>(bytes));
  }
  // Requires that at least `bytes` were added.
  void remove(std::size_t bytes) {
    if (bytes == 0) return;
    bytes_ -= bytes;
    block_memory::add(-static_cast<std::int64_t>(bytes));
  }
  void clear() { remove(bytes_); }
  // From now on it is so many bytes.
  void set(std::size_t bytes) {
    if (bytes > bytes_)
      add(bytes - bytes_);
    else
      remove(bytes_ - bytes);
  }

 private:
  std::size_t bytes_ = 0;
};

} // namespace coppice::runtime
