// SPDX-License-Identifier: MIT
// Random 32-bit words in great number, without a system call for each: the key stream of ChaCha with 8 rounds
// (D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008), its 256-bit key from getrandom(2), made in
// batches. It promises that whoever has seen any number of words can guess another one no better than by
// trying, as far as anything is known of breaking those 8 rounds. It does not promise that words handed out
// stay unknown to who reads this memory later: for keys and challenges there is base/random.hpp. One thread
// at a time.
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
  static constexpr std::size_t blocks = 4; // at a time, each a lane of a vector
  static constexpr std::size_t batch = 16 * blocks;

  [[gnu::noinline]] void refill();

  std::size_t used_ = batch;
  alignas(16) std::array<std::uint32_t, batch> words_{};
  std::array<std::uint32_t, 8> key_;
  std::uint64_t next_block_ = 0;
};

} // namespace coppice::base
