// SPDX-License-Identifier: MIT
// Many random 32-bit words without a system call for each: the key stream of ChaCha with 8 rounds (D. J.
// Bernstein, "ChaCha, a variant of Salsa20", 2008) with a 256-bit key from getrandom(2), generated in
// batches. A party that has seen any number of words can guess another word no better than by trying, as far
// as attacks on 8 rounds are known. Words that were handed out are not protected from a party that reads this
// memory later: keys and challenges come from base/random.hpp. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace coppice::base {

class random_words {
 public:
  random_words();
  explicit random_words(const std::array<std::uint32_t, 8>& key) : key_(key) {}
  ~random_words();
  random_words(const random_words&) = delete;
  random_words& operator=(const random_words&) = delete;

  std::uint32_t next() {
    if (used_ == batch) [[unlikely]]
      refill();
    return words_[used_++];
  }

 private:
  static constexpr std::size_t blocks = 4; // in each batch, one in each lane of a vector
  static constexpr std::size_t batch = 16 * blocks;

  [[gnu::noinline]] void refill();

  std::size_t used_ = batch;
  alignas(16) std::array<std::uint32_t, batch> words_{};
  std::array<std::uint32_t, 8> key_;
  std::uint64_t next_block_ = 0;
};

} // namespace coppice::base
