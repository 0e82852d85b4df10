// SPDX-License-Identifier: MIT
// A message: one immutable term in External Term Format (no leading 131), canonical, in a pooled and
// reference-counted block that also has the room for the signal that carries it: sending allocates
// nothing more. Copying shares the block; a slice is a part of the bytes that keeps the whole block.
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

  // False for "no message": default made, or moved from.
  explicit operator bool() const { return !bytes_.empty(); }
  etf::bytes bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  // `part` lies within bytes().
  message slice(etf::bytes part) const& {
    message made(*this);
    made.bytes_ = part;
    return made;
  }
  message slice(etf::bytes part) && { return message(std::exchange(block_, nullptr), part); }
  // The memory the block holds, also when this is a small slice of it.
  std::size_t footprint() const;
  // The same term in a block of its own size if this one wastes more than `waste` bytes; itself else.
  message compact(std::size_t waste = 1024) const;

  static message copy_of(etf::bytes term);
  static message atom(std::string_view name);
  // Bytes owned by someone else until `release(context)`, which may be called on any thread.
  static message borrow(etf::bytes term, void (*release)(void* context), void* context);
  // Bytes that live as long as the program.
  static message immortal(etf::bytes term) { return message(nullptr, term); }

  // Term equality byte for byte; canonical identities compare right, maps by their order.
  friend bool operator==(const message& a, const message& b) { return a.same_bytes(b); }

 private:
  friend class message_writer;
  friend struct signal_access;
  friend struct raw_message;
  message(block* owned, etf::bytes term) : block_(owned), bytes_(term) {}
  bool same_bytes(const message& other) const;

  block* block_ = nullptr; // null with bytes: immortal
  etf::bytes bytes_;
};

// Writes a term straight into a message's block.
class message_writer : public etf::writer {
 public:
  explicit message_writer(std::size_t reserve = 64);
  ~message_writer();
  // What was written, as a message; empty if the writer failed or nothing was written. The writer is
  // spent afterwards.
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
