// SPDX-License-Identifier: MIT
// The bytes of a stream that have come and are not used, in one piece. Other objects can keep parts of it
// without a copy; appending never moves or changes those. An empty buffer holds no memory. The thread of the
// stream's loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/bytes.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

class receive_buffer {
 public:
  receive_buffer() = default;
  receive_buffer(const receive_buffer&) = delete;
  receive_buffer& operator=(const receive_buffer&) = delete;
  ~receive_buffer() { clear(); }

  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }
  base::bytes_span bytes() const { return {begin_, size()}; }
  // A message that shares the buffer's memory.
  runtime::message part(std::size_t offset, std::size_t length) const;

  // Copies `more`. `wanted`: how many bytes there are to be in all. Room for them is made little by little
  // as they come, so that a peer which announces much and sends little does not take memory.
  void append(base::bytes_span more, std::size_t wanted);
  // Becomes these bytes, to which nothing is ever appended in place. The buffer must be empty.
  void adopt(runtime::message bytes);
  // Room behind the present bytes, for some of `wanted` bytes in all, made as append() makes it.
  // append_written() then says how many bytes were written there.
  std::span<std::uint8_t> space(std::size_t wanted);
  void append_written(std::size_t count) { end_ += count; }
  // Removes the first `count` bytes.
  void consume(std::size_t count);
  void clear();
  // Moves the bytes to memory of about their size, if they are a small part of the memory they keep.
  void compact();

 private:
  void need(std::size_t total);

  void* owner_ = nullptr; // one reference
  std::uint8_t* begin_ = nullptr;
  std::uint8_t* end_ = nullptr;
  std::uint8_t* limit_ = nullptr; // end of the memory that may be written
  std::size_t kept_ = 0;          // bytes of the memory it keeps
};

} // namespace coppice::behaviours
