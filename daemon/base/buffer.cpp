// SPDX-License-Identifier: MIT
// Growth and reclaiming of the byte buffer. One thread at a time.
#include "base/buffer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace coppice::base {

buffer::buffer(buffer&& other) noexcept
    : storage_(std::move(other.storage_)),
      capacity_(std::exchange(other.capacity_, 0)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)) {}

buffer& buffer::operator=(buffer&& other) noexcept {
  storage_ = std::move(other.storage_);
  capacity_ = std::exchange(other.capacity_, 0);
  begin_ = std::exchange(other.begin_, 0);
  end_ = std::exchange(other.end_, 0);
  return *this;
}

std::span<std::uint8_t> buffer::prepare(std::size_t n) {
  if (capacity_ - end_ < n) {
    const std::size_t used = size();
    if (begin_ >= used && capacity_ - used >= n) {
      if (used > 0) std::memmove(storage_.get(), data(), used);
    } else {
      const std::size_t capacity = std::max({used + n, capacity_ * 2, std::size_t{64}});
      auto grown = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
      if (used > 0) std::memcpy(grown.get(), data(), used);
      storage_ = std::move(grown);
      capacity_ = capacity;
    }
    begin_ = 0;
    end_ = used;
  }
  return {storage_.get() + end_, capacity_ - end_};
}

void buffer::append(bytes_span bytes) {
  if (bytes.empty()) return;
  std::memcpy(prepare(bytes.size()).data(), bytes.data(), bytes.size());
  commit(bytes.size());
}

void buffer::append_u8(std::uint8_t value) {
  prepare(1)[0] = value;
  commit(1);
}

void buffer::consume(std::size_t n) {
  begin_ += n;
  if (begin_ == end_) clear();
}

void buffer::shrink(std::size_t keep) {
  clear();
  if (capacity_ <= keep) return;
  storage_.reset();
  capacity_ = 0;
}

} // namespace coppice::base
