// SPDX-License-Identifier: MIT
// A growable sequence of bytes, filled at the back and consumed at the front: for what a stream parser keeps
// between reads, and for building a reply. Growth leaves the new bytes uninitialised. The space at the front
// is reclaimed when it is at least as large as the contents, so the cost of moving is amortised. One thread
// at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/bytes.hpp"

namespace coppice::base {

class buffer {
 public:
  buffer() = default;
  explicit buffer(std::size_t capacity) { prepare(capacity); }
  buffer(buffer&& other) noexcept;
  buffer& operator=(buffer&& other) noexcept;

  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::size_t capacity() const { return capacity_; }

  // Valid until the next call of a function that is not const.
  bytes_span readable() const { return {storage_.get() + begin_, size()}; }
  std::uint8_t* data() { return storage_.get() + begin_; }
  const std::uint8_t* data() const { return storage_.get() + begin_; }

  // Returns room for at least `n` bytes behind the end, uninitialised. commit() makes the first of them part
  // of the contents.
  std::span<std::uint8_t> prepare(std::size_t n);
  void commit(std::size_t n) { end_ += n; }

  void append(bytes_span bytes);
  void append(std::string_view text) { append(as_bytes(text)); }
  void append_u8(std::uint8_t value);
  void append_be16(std::uint16_t value) { append_integer(value); }
  void append_be32(std::uint32_t value) { append_integer(value); }
  void append_be64(std::uint64_t value) { append_integer(value); }

  // Drops the first `n` bytes; n ≤ size().
  void consume(std::size_t n);
  void clear() { begin_ = end_ = 0; }
  // As clear(), and frees the memory if it is more than `keep` bytes.
  void shrink(std::size_t keep);

 private:
  template <class Integer>
  void append_integer(Integer value) {
    store_be(prepare(sizeof value).data(), value);
    commit(sizeof value);
  }

  std::unique_ptr<std::uint8_t[]> storage_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

} // namespace coppice::base
