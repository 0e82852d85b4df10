// SPDX-License-Identifier: MIT
// Gathers bytes that arrive in pieces in the memory of the message they will be, so that a canonical term
// among them needs no copy. Reserving more room may move the bytes; taking them as a message does not. One
// thread, the connection's.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "base/bytes.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/messages/raw_message.hpp"

namespace coppice::dist {

class message_bytes {
 public:
  message_bytes() = default;
  message_bytes(message_bytes&& other) noexcept
      : room_(std::exchange(other.room_, {})), size_(std::exchange(other.size_, 0)) {}
  message_bytes& operator=(message_bytes&& other) noexcept;
  ~message_bytes() { clear(); }

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return static_cast<std::size_t>(room_.end - room_.begin); }
  base::bytes_span bytes() const { return {room_.begin, size_}; }

  // Makes room for `size` bytes in all. False: a message cannot be that long, and nothing has changed.
  bool reserve(std::size_t size);
  // The room behind the last byte; commit() adds the first bytes of it.
  std::span<std::uint8_t> room() const { return std::span(room_.begin, room_.end).subspan(size_); }
  void commit(std::size_t count) { size_ += count; }
  // Copies bytes into the room there is.
  void append(base::bytes_span bytes);
  void clear();

  // Takes all bytes as a message, without a look at them; empty afterwards.
  runtime::message take();

 private:
  runtime::raw_message::room room_;
  std::size_t size_ = 0;
};

} // namespace coppice::dist
