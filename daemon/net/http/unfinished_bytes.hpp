// SPDX-License-Identifier: MIT
// Bounds the bytes of incomplete bodies and WebSocket messages that all connections of a server keep
// together. Each connection has a bound of its own, but their sum grows with the number of clients. A body or
// message that comes whole in one piece is not counted. Any thread; a share belongs to one connection and its
// thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace coppice::net {

class unfinished_bytes {
 public:
  explicit unfinished_bytes(std::size_t limit) : limit_(limit) {}
  unfinished_bytes(const unfinished_bytes&) = delete;
  unfinished_bytes& operator=(const unfinished_bytes&) = delete;

  // Lowering the limit drops nothing that is kept.
  void set_limit(std::size_t bytes) { limit_.store(bytes, std::memory_order_relaxed); }
  std::size_t kept() const { return kept_.load(std::memory_order_relaxed); }
  // How often there was no room.
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

  // The bytes kept by one connection.
  class share {
   public:
    // `of` outlives it; null: no bound.
    explicit share(unfinished_bytes* of) : of_(of) {}
    share(const share&) = delete;
    share& operator=(const share&) = delete;
    ~share() { release(); }

    // Sets how many bytes the connection keeps. False: there is no room, and the former count stays.
    bool keep(std::size_t bytes);
    void release() {
      if (bytes_ != 0) keep(0);
    }

   private:
    unfinished_bytes* const of_;
    std::size_t bytes_ = 0;
  };

 private:
  std::atomic<std::size_t> limit_;
  std::atomic<std::size_t> kept_{0};
  std::atomic<std::uint64_t> refused_{0};
};

inline bool unfinished_bytes::share::keep(std::size_t bytes) {
  if (of_ == nullptr || bytes == bytes_) return true;
  if (bytes < bytes_) {
    of_->kept_.fetch_sub(bytes_ - bytes, std::memory_order_relaxed);
  } else {
    const std::size_t more = bytes - bytes_;
    if (of_->kept_.fetch_add(more, std::memory_order_relaxed) + more >
        of_->limit_.load(std::memory_order_relaxed)) {
      of_->kept_.fetch_sub(more, std::memory_order_relaxed);
      of_->refused_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  }
  bytes_ = bytes;
  return true;
}

} // namespace coppice::net
