// SPDX-License-Identifier: MIT
// How much a mailbox holds: messages and their bytes in one word, in two counters. `incoming` is what
// senders on other threads pushed and the owner has not taken over yet; `held` is the owner's, which alone
// writes it, so that a send within a worker and the handling of a message need no atomic read-modify-write.
//
// The bound is never passed: a sender elsewhere first adds to `incoming` (acquire), then reads `held`; the
// owner, taking over, first raises `held`, then lowers `incoming` (release). Who sees the lowered one sees
// the raised one; who does not counts a message twice for a moment, which errs on the safe side.
#pragma once

#include <atomic>
#include <cstdint>

namespace coppice::runtime {

class mailbox_load {
 public:
  static constexpr unsigned bytes_bits = 40;
  struct bounds {
    std::uint32_t messages;
    std::uint64_t bytes; // 0: none
  };

  // A message's share.
  static std::uint64_t share(std::uint32_t bytes) { return (std::uint64_t{1} << bytes_bits) + bytes; }

  // Whether `bytes` more fit: an empty mailbox takes any message.
  bool has_room(std::uint32_t bytes, const bounds& limits) const { return fits(total(), bytes, limits); }

  // More than fits: what else there is would still be a message too many.
  bool exceeds(const bounds& limits) const {
    const std::uint64_t load = total();
    const std::uint64_t count = load >> bytes_bits;
    const std::uint64_t held = load & ((std::uint64_t{1} << bytes_bits) - 1);
    return count > limits.messages || (limits.bytes != 0 && count > 1 && held > limits.bytes);
  }

  // Counts one message if it fits. The owner's thread.
  bool hold(std::uint32_t bytes, const bounds& limits) {
    if (!fits(total(), bytes, limits)) return false;
    add(share(bytes));
    return true;
  }
  // The same for others.
  bool announce(std::uint32_t bytes, const bounds& limits) {
    const std::uint64_t before = incoming_.fetch_add(share(bytes), std::memory_order_acquire);
    if (fits(before + held_.load(std::memory_order_relaxed), bytes, limits)) return true;
    incoming_.fetch_sub(share(bytes), std::memory_order_relaxed);
    return false;
  }

  // Owner: shares that others announced are held now; without asking; handled.
  void take_over(std::uint64_t shares) {
    add(shares);
    incoming_.fetch_sub(shares, std::memory_order_release);
  }
  void add(std::uint64_t shares) {
    held_.store(held_.load(std::memory_order_relaxed) + shares, std::memory_order_relaxed);
  }
  void remove(std::uint64_t shares) {
    held_.store(held_.load(std::memory_order_relaxed) - shares, std::memory_order_relaxed);
  }

  // Any thread; exact only for the owner of a mailbox nobody sends to.
  std::uint64_t messages() const { return total() >> bytes_bits; }
  std::uint64_t bytes() const { return total() & ((std::uint64_t{1} << bytes_bits) - 1); }

 private:
  static bool fits(std::uint64_t load, std::uint32_t bytes, const bounds& limits) {
    const std::uint64_t count = load >> bytes_bits;
    const std::uint64_t held = load & ((std::uint64_t{1} << bytes_bits) - 1);
    return count < limits.messages && (limits.bytes == 0 || count == 0 || held + bytes <= limits.bytes);
  }
  std::uint64_t total() const {
    return incoming_.load(std::memory_order_acquire) + held_.load(std::memory_order_relaxed);
  }

  std::atomic<std::uint64_t> incoming_{0};
  std::atomic<std::uint64_t> held_{0};
};

} // namespace coppice::runtime
