// SPDX-License-Identifier: MIT
// The bytes of a stream that have come and are not used, in one piece. Parts of it can be kept by others
// without a copy; who appends never moves or changes them. Without bytes it holds no memory. The thread of
// the stream's loop.
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
  // Shares the memory.
  runtime::message part(std::size_t offset, std::size_t length) const;

  // Copies. `wanted`: as many as there are to be in all; room for them is made by and by, as they come, so
  // that who announces much and sends little does not have it kept for him.
  void append(base::bytes_span more, std::size_t wanted);
  // Becomes these bytes, which no one appends to; it is empty.
  void adopt(runtime::message bytes);
  // Room behind what is there, for some of `wanted` bytes in all, as append() makes it; what was written to
  // it is append_written.
  std::span<std::uint8_t> space(std::size_t wanted);
  void append_written(std::size_t count) { end_ += count; }
  // The first ones are used.
  void consume(std::size_t count);
  void clear();
  // The same bytes in memory of about their size, if they are a small part of what they keep.
  void compact();

 private:
  void need(std::size_t total);

  void* owner_ = nullptr; // one reference
  std::uint8_t* begin_ = nullptr;
  std::uint8_t* end_ = nullptr;
  std::uint8_t* limit_ = nullptr; // of what is ours to write
  std::size_t kept_ = 0;          // bytes of the memory it keeps
};

} // namespace coppice::behaviours
