// SPDX-License-Identifier: MIT
// How much a mailbox holds: messages and their bytes in one word, as the difference of two:
//   reserved_   shares counted by read-modify-write: by senders on other threads, which reserve room before
//               they push, and by the owner near the limit. Only ever grows.
//   settled_    the owner's, written by it alone: shares it has handled, less those it counted by itself.
// What the owner takes out of its inbox changes neither, so no message counts twice or not at all on its way.
// A send within a worker and the handling of a message write settled_, without a read-modify-write.
//
// Reserving. A sender reads reserved_, then settled_, and adds its share to reserved_ by CAS. That succeeds
// only if reserved_ has not changed, so both were as read when settled_ was read, and meanwhile the owner can
// have made room, or have counted a message of its own (below). What does not fit is refused only if
// reserved_, read again, has not changed either: then there was a moment without room. So the bound never
// strikes early; nor can a refused sender be in the way of others, since it has added nothing. (To add first
// and take back does both: while it is there, others are refused for it.)
//
// The owner. Room given to it without a read-modify-write and to a sender at once could be the same room: no
// algorithm decides between two threads by reads and writes alone without a fence on both sides (Attiya et
// al., "Laws of order", POPL 2011). So the owner reserves as senders do where the limit is near; farther away
// it just counts, since both have room. Only if senders take more than the margin between the owner's look
// and its store being seen is the limit passed: by that one message.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/structures/atomics.hpp"

namespace coppice::runtime {

// Margin: messages; where fewer fit the limit is near.
template <class Atomics = machine_atomics, std::uint32_t Margin = 64>
class basic_mailbox_load {
 public:
  static constexpr unsigned bytes_bits = 40;
  struct bounds {
    std::uint32_t messages;
    std::uint64_t bytes; // 0: none
  };

  // A message's share.
  static std::uint64_t share(std::uint32_t bytes) { return (std::uint64_t{1} << bytes_bits) + bytes; }

  // Owner. Counts one message if it fits: an empty mailbox takes any.
  [[gnu::always_inline]] bool hold(std::uint32_t bytes, const bounds& limits) {
    if (!far_from(limits, total(), bytes)) [[unlikely]]
      return reserve(bytes, limits);
    add(share(bytes));
    return true;
  }

  // Any thread. The same; what is counted is to be pushed.
  bool reserve(std::uint32_t bytes, const bounds& limits) {
    std::uint64_t reserved = reserved_.load(std::memory_order_acquire);
    for (;;) {
      const std::uint64_t settled = settled_.load(std::memory_order_acquire);
      if (fits(reserved - settled, bytes, limits)) {
        if (reserved_.compare_exchange_weak(reserved, reserved + share(bytes), std::memory_order_acq_rel,
                                            std::memory_order_acquire))
          return true;
        continue;
      }
      const std::uint64_t again = reserved_.load(std::memory_order_acquire);
      if (again == reserved) return false;
      reserved = again;
    }
  }

  // Owner: shares are there whatever the limit; are handled.
  void add(std::uint64_t shares) { settle(-shares); }
  void remove(std::uint64_t shares) { settle(shares); }

  // Owner: more than fits, since what else there is would still be a message too many.
  bool exceeds(const bounds& limits) const {
    const std::uint64_t load = total();
    return count_of(load) > limits.messages ||
           (limits.bytes != 0 && count_of(load) > 1 && bytes_of(load) > limits.bytes);
  }

  // Owner: exact. Others: what there was a moment ago, and perhaps what has come since.
  std::uint64_t messages() const { return count_of(total()); }
  std::uint64_t bytes() const { return bytes_of(total()); }

 private:
  static std::uint64_t count_of(std::uint64_t load) { return load >> bytes_bits; }
  static std::uint64_t bytes_of(std::uint64_t load) { return load & ((std::uint64_t{1} << bytes_bits) - 1); }
  static bool fits(std::uint64_t load, std::uint32_t bytes, const bounds& limits) {
    const std::uint64_t count = count_of(load);
    return count < limits.messages &&
           (limits.bytes == 0 || count == 0 || bytes_of(load) + bytes <= limits.bytes);
  }
  // An eighth of the bytes is the margin there.
  static bool far_from(const bounds& limits, std::uint64_t load, std::uint32_t bytes) {
    return count_of(load) + Margin < limits.messages &&
           (limits.bytes == 0 || bytes_of(load) + bytes <= limits.bytes - limits.bytes / 8);
  }
  // In this order: what is settled was reserved before.
  std::uint64_t total() const {
    const std::uint64_t settled = settled_.load(std::memory_order_acquire);
    return reserved_.load(std::memory_order_relaxed) - settled;
  }
  void settle(std::uint64_t shares) {
    settled_.store(settled_.load(std::memory_order_relaxed) + shares, std::memory_order_release);
  }

  typename Atomics::template atomic<std::uint64_t> reserved_{0};
  typename Atomics::template atomic<std::uint64_t> settled_{0};
};

using mailbox_load = basic_mailbox_load<>;

} // namespace coppice::runtime
