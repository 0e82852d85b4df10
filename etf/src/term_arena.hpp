// SPDX-License-Identifier: MIT
// Where the rows of a decoded term lie: chunks that are filled from the front and freed together. The first
// is sized by the bytes to come, each further one is twice the last, so that a term takes few of them and
// never much more than it fills. Belongs to one builder; what it took is freed unless it is released.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "term_access.hpp"

namespace coppice::etf {

class term_arena {
 public:
  /// `encoded`: bytes of the term that will be built.
  explicit term_arena(std::size_t encoded)
      : next_size_(std::clamp(encoded * 4 + smallest, smallest, largest_first)) {}
  ~term_arena() { free_chunks(newest_); }
  term_arena(const term_arena&) = delete;
  term_arena& operator=(const term_arena&) = delete;

  /// `size` bytes, aligned to 8, not initialised.
  std::uint8_t* take(std::size_t size) {
    size = (size + 7) & ~std::size_t{7};
    if (size > left_) [[unlikely]]
      grow(size);
    std::uint8_t* const at = free_;
    free_ += size;
    left_ -= size;
    return at;
  }
  /// All chunks to the root, which frees them from now on.
  chunk* release() { return std::exchange(newest_, nullptr); }

 private:
  static constexpr std::size_t smallest = 192;
  static constexpr std::size_t largest_first = 64 * 1024;

  [[gnu::noinline]] void grow(std::size_t size) {
    const std::size_t room = std::max(size, next_size_);
    newest_ = new (::operator new(sizeof(chunk) + room)) chunk{newest_, 0};
    free_ = newest_->data();
    left_ = room;
    next_size_ = room * 2;
  }

  std::size_t next_size_;
  chunk* newest_ = nullptr;
  std::uint8_t* free_ = nullptr;
  std::size_t left_ = 0;
};

} // namespace coppice::etf
