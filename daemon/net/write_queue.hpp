// SPDX-License-Identifier: MIT
// Bytes that wait to be written to one socket, in order. Small writes are copied into blocks; large ones are
// borrowed and released once written. Blocks never move, so buffers gathered for a write under way stay valid
// while more bytes are appended. The owning stream's thread.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>

#include "base/bytes.hpp"

namespace coppice::net {

// Gives borrowed bytes back. Called exactly once, on the stream's thread, also if the stream is closed before
// they were written. May not call the stream.
using release_fn = void (*)(void* context);

class write_queue {
 public:
  // Fewer borrowed bytes than this are copied and released at once, which is cheaper than a segment.
  static constexpr std::size_t copy_below = 1024;

  write_queue() = default;
  write_queue(const write_queue&) = delete;
  write_queue& operator=(const write_queue&) = delete;
  ~write_queue() { clear(); }

  std::size_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }

  void append(base::bytes_span bytes);
  // Appends `size` bytes, which the caller fills in before any other call. At most longest_in_place.
  std::span<std::uint8_t> append_in_place(std::size_t size);
  static constexpr std::size_t longest_in_place = 4096;
  void append_borrowed(base::bytes_span bytes, release_fn release, void* context);

  // Fills `out` with the first segments. Returns how many.
  std::size_t gather(std::span<uv_buf_t> out) const;
  // The first bytes: front() those of the first segment, copy_to() as many as `to` takes.
  base::bytes_span front() const;
  std::size_t copy_to(std::span<std::uint8_t> to) const;
  // The first `n` bytes were written.
  void advance(std::size_t n);
  // Exchanges the contents. The bytes do not move, so a write under way goes on.
  void swap(write_queue& other) noexcept;
  // Drops everything, and releases what is borrowed.
  void clear();

 private:
  static constexpr std::size_t block_size = 16 * 1024;

  struct segment {
    const std::uint8_t* data;
    std::size_t size;
    release_fn release; // null: the bytes lie in a block
    void* context;
  };
  struct block {
    std::unique_ptr<std::uint8_t[]> storage;
    std::size_t capacity;
    std::size_t used;
    std::size_t written;
    std::size_t room() const { return capacity - used; }
  };

  void add_block(std::size_t least);
  std::uint8_t* extend_last_block(std::size_t size);
  void block_bytes_written(std::size_t n);

  std::deque<segment> segments_;
  std::deque<block> blocks_; // in the order of their segments; the last is being filled
  std::size_t bytes_ = 0;
};

} // namespace coppice::net
