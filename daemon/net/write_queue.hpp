// SPDX-License-Identifier: MIT
// Bytes that wait to be written to one socket, in order. Small writes are copied into blocks; large ones are
// borrowed and released once written. Blocks never move, so buffers gathered for a write under way stay valid
// while more bytes are appended. Between what is appended, other bytes may be inserted at a mark, so that
// they do not wait for all that was appended before. The owning stream's thread.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

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

  // Other bytes may be inserted between what was appended and what will be. Nothing happens if the last mark
  // is less than mark_distance before.
  static constexpr std::size_t mark_distance = 64 * 1024;
  void mark();
  // Inserts `size` bytes, which the caller fills in before any other call, at the first mark behind the first
  // `held` bytes, else at the end. `held`: bytes that were gathered for a write under way. Insertions keep
  // their order.
  std::span<std::uint8_t> insert_in_place(std::size_t size, std::size_t held);
  // Inserted bytes that are not completely written.
  std::size_t bytes_inserted();

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

  // Places in the queue are counted in bytes from the first that was ever appended or inserted.
  struct insertion {
    std::uint64_t end;
    std::size_t size;
  };
  struct insertions {
    std::vector<std::uint64_t> marks;   // in rising order
    std::vector<insertion> not_written; // in rising order
  };

  insertions& needs_insertions();
  // The segment that begins at that place.
  std::deque<segment>::iterator begin_segment_at(std::uint64_t place);
  std::uint64_t end() const { return written_ + bytes_; }
  void add_block(std::size_t least);
  std::uint8_t* extend_last_block(std::size_t size);
  void block_bytes_written(std::size_t n);

  std::deque<segment> segments_;
  std::deque<block> blocks_; // in the order of their segments; the last is being filled
  std::size_t bytes_ = 0;
  std::uint64_t written_ = 0;                // the place of the first byte
  std::unique_ptr<insertions> insertions_{}; // null: there are no marks, and nothing was inserted
};

} // namespace coppice::net
