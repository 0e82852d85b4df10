// SPDX-License-Identifier: MIT
// A table of blocks of memory, each with a number. The thread that has a block is alone with its entry, as it
// is with the block, so threads need no lock. The table allocates nothing; a variable of static duration is
// zero from the start, which is an empty table. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace coppice::base::heap {

// `Bits`: the table has two to this power buckets, and a block is in one of the slots of its bucket.
template <unsigned Bits>
class charged_blocks {
 public:
  static constexpr std::size_t slots_of_bucket = 16;
  static constexpr std::size_t most = slots_of_bucket << Bits;

  // Takes the block's number out. 0: it is not here.
  std::uint64_t take(const void* block) {
    const auto key = reinterpret_cast<std::uintptr_t>(block);
    for (slot& one : bucket_of(key)) {
      std::atomic_ref at(one.block);
      if (at.load(std::memory_order_relaxed) != key) continue;
      const std::uint64_t what = std::atomic_ref(one.what).load(std::memory_order_relaxed);
      at.store(0, std::memory_order_release);
      return what;
    }
    return 0;
  }

  // `what`: not 0. The block is not here. False: there is no room for it.
  bool put(const void* block, std::uint64_t what) {
    const auto key = reinterpret_cast<std::uintptr_t>(block);
    for (slot& one : bucket_of(key)) {
      std::atomic_ref at(one.block);
      std::uintptr_t none = 0;
      if (at.load(std::memory_order_relaxed) != 0 ||
          !at.compare_exchange_strong(none, being_filled, std::memory_order_acquire,
                                      std::memory_order_relaxed))
        continue;
      std::atomic_ref(one.what).store(what, std::memory_order_relaxed);
      at.store(key, std::memory_order_release);
      return true;
    }
    return false;
  }

 private:
  static constexpr std::uintptr_t being_filled = 1;
  // Without initialisers: the compiler would run those of a large table.
  struct slot {
    std::uintptr_t block; // 0: free. Accessed atomically
    std::uint64_t what;   // accessed atomically
  };
  using bucket = std::array<slot, slots_of_bucket>;

  bucket& bucket_of(std::uintptr_t block) {
    return buckets_[((block >> 4) * 0x9e3779b97f4a7c15) >> (64 - Bits)];
  }

  std::array<bucket, std::size_t{1} << Bits> buckets_;
};

} // namespace coppice::base::heap
