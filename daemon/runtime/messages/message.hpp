// SPDX-License-Identifier: MIT
// A message: one immutable term in External Term Format (without the leading 131), canonical, in a pooled,
// reference-counted block. The block also has room for the signal that carries the message, so sending
// allocates nothing more. A copy shares the block. A slice is a part of the bytes and keeps the whole block.
// Any thread, each handle by one thread at a time.
#pragma once

#include <coppice/etf/types.hpp>
#include <coppice/etf/writer.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace coppice::runtime {

struct block;

namespace detail {
void retain(block* shared) noexcept;
void release(block* owned) noexcept;
} // namespace detail

class message {
 public:
  message() = default;
  message(const message& other) noexcept : block_(other.block_), bytes_(other.bytes_) {
    if (block_ != nullptr) detail::retain(block_);
  }
  message(message&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}
  message& operator=(message other) noexcept {
    std::swap(block_, other.block_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~message() {
    if (block_ != nullptr) detail::release(block_);
  }

  // False: there is no message; default made or moved from.
  explicit operator bool() const { return !bytes_.empty(); }
  etf::bytes bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  // `part` has to lie within bytes().
  message slice(etf::bytes part) const& {
    message made(*this);
    made.bytes_ = part;
    return made;
  }
  message slice(etf::bytes part) && { return message(std::exchange(block_, nullptr), part); }
  // The size of the block in memory, even if this is a small slice of it; 0: immortal.
  std::size_t footprint() const;
  // A copy in a block of its own if this message's block wastes more than `waste` bytes; else this message.
  message compact(std::size_t waste = 1024) const;

  static message copy_of(etf::bytes term);
  static message atom(std::string_view name);
  // Refers to bytes of another owner until it calls `release(context)`, on any thread.
  static message borrow(etf::bytes term, void (*release)(void* context), void* context);
  // Refers to bytes that live as long as the program.
  static message immortal(etf::bytes term) { return message(nullptr, term); }

  // Equality of terms, byte for byte, which is right for canonical terms. Maps compare in the order of their
  // keys.
  friend bool operator==(const message& a, const message& b) { return a.same_bytes(b); }

 private:
  friend class message_writer;
  friend struct signal_access;
  friend struct raw_message;
  message(block* owned, etf::bytes term) : block_(owned), bytes_(term) {}
  bool same_bytes(const message& other) const;

  block* block_ = nullptr; // null, with bytes: immortal
  etf::bytes bytes_;
};

// Writes a term straight into a message's block.
class message_writer : public etf::writer {
 public:
  explicit message_writer(std::size_t reserve = 64);
  ~message_writer();
  // The written term as a message. Empty: the writer failed or nothing was written. The writer cannot be used
  // afterwards.
  message take() {
    if (failed() || size() == 0 || block_ == nullptr) return {};
    const etf::bytes written = view();
    reset({nullptr, nullptr});
    return {std::exchange(block_, nullptr), written};
  }

 private:
  static etf::storage grow(void* context, etf::storage old, std::size_t used, std::size_t needed);
  block* block_ = nullptr;
};

} // namespace coppice::runtime
