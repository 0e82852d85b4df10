// SPDX-License-Identifier: MIT
// Counts the messages of a mailbox and their bytes together in one word, as the difference of two words:
//   reserved_   shares counted by read-modify-write: by senders on other threads, which reserve room before
//               they push, and by the owner near the limit. Only grows.
//   settled_    written by the owner alone: shares of handled messages, less those that it counted by itself.
// When the owner takes messages out of its inbox, neither word changes, so no message counts twice or not at
// all on its way. A send within a worker and the handling of a message write settled_ only, without a
// read-modify-write.
//
// Reserving. A sender reads reserved_, then settled_, and adds its share to reserved_ by CAS. The CAS
// succeeds only if reserved_ has not changed, so both values were current when settled_ was read; since then
// the owner can only have made room, or have counted a message of its own (below). A message that does not
// fit is refused only if reserved_, read again, has not changed either: then there was a moment without room.
// So the bound never refuses too early, and a refused sender never gets in the way of others, since it has
// added nothing. (Adding first and taking back would do both: until it is taken back, others would be refused
// because of it.)
//
// The owner. If the owner took room without a read-modify-write while a sender reserves, both could take the
// same room: without a fence on both sides no algorithm decides between two threads by reads and writes alone
// (Attiya et al., "Laws of order", POPL 2011). So near the limit the owner reserves as senders do. Farther
// away it only counts, since there is room for both. The limit is exceeded, by that one message, only if
// senders fill the whole margin between the owner's look and the moment its store is seen.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/structures/atomics.hpp"

namespace coppice::runtime {

// Margin: in messages. Where fewer fit, the limit is near.
template <class Atomics = machine_atomics, std::uint32_t Margin = 64>
class basic_mailbox_load {
 public:
  static constexpr unsigned bytes_bits = 40;
  struct bounds {
    std::uint32_t messages;
    std::uint64_t bytes; // 0: no limit
  };

  // One message's share: a count of 1 and its bytes.
  static std::uint64_t share(std::uint32_t bytes) { return (std::uint64_t{1} << bytes_bits) + bytes; }

  // Owner. Counts one message if it fits. An empty mailbox takes any message.
  [[gnu::always_inline]] bool hold(std::uint32_t bytes, const bounds& limits) {
    if (!far_from(limits, total(), bytes)) [[unlikely]]
      return reserve(bytes, limits);
    add(share(bytes));
    return true;
  }

  // Any thread. Counts one message if it fits; it then has to be pushed.
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

  // Owner. add() counts shares whatever the limit; remove() takes back shares that were handled.
  void add(std::uint64_t shares) { settle(-shares); }
  void remove(std::uint64_t shares) { settle(shares); }

  // Owner: more than the limit, where dropping one message leaves at least one other.
  bool exceeds(const bounds& limits) const {
    const std::uint64_t load = total();
    return count_of(load) > limits.messages ||
           (limits.bytes != 0 && count_of(load) > 1 && bytes_of(load) > limits.bytes);
  }

  // Owner: exact. Other threads: as of a moment ago, perhaps with what came since.
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
  // For bytes the margin is an eighth of the limit.
  static bool far_from(const bounds& limits, std::uint64_t load, std::uint32_t bytes) {
    return count_of(load) + Margin < limits.messages &&
           (limits.bytes == 0 || bytes_of(load) + bytes <= limits.bytes - limits.bytes / 8);
  }
  // Reads settled_ first: each share that is settled was reserved before.
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
