// SPDX-License-Identifier: MIT
// Bytes waiting to be written to one socket, in order: small writes are copied together into blocks,
// large ones are borrowed and released once written. Blocks never move, so what was gathered for a
// write under way stays valid while more is appended. The owning stream's thread.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>

#include "base/bytes.hpp"

namespace coppice::net {

// Gives borrowed bytes back. Called on the stream's thread, exactly once, also when the stream is closed
// before they were written; may not call the stream.
using release_fn = void (*)(void* context);

class write_queue {
 public:
  // Borrowed bytes below this are copied and released at once: cheaper than a segment of their own.
  static constexpr std::size_t copy_below = 1024;

  write_queue() = default;
  write_queue(const write_queue&) = delete;
  write_queue& operator=(const write_queue&) = delete;
  ~write_queue() { clear(); }

  std::size_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }

  void append(base::bytes_span bytes);
  // As append() of `size` bytes, which the caller writes there before it calls anything else. At most
  // longest_in_place.
  std::span<std::uint8_t> append_in_place(std::size_t size);
  static constexpr std::size_t longest_in_place = 4096;
  void append_borrowed(base::bytes_span bytes, release_fn release, void* context);

  // The first segments, as many as `out` takes; how many it took.
  std::size_t gather(std::span<uv_buf_t> out) const;
  // The first bytes: as many as lie together, and as many as `to` takes.
  base::bytes_span front() const;
  std::size_t copy_to(std::span<std::uint8_t> to) const;
  // The first `n` bytes are written.
  void advance(std::size_t n);
  // Each has then what the other had. Bytes don't move: a write under way goes on.
  void swap(write_queue& other) noexcept;
  // Drops everything.
  void clear();

 private:
  static constexpr std::size_t block_size = 16 * 1024;

  struct segment {
    const std::uint8_t* data;
    std::size_t size;
    release_fn release; // null: lies in a block
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
  std::deque<block> blocks_; // in the order their segments were appended; the last is being filled
  std::size_t bytes_ = 0;
};

} // namespace coppice::net
