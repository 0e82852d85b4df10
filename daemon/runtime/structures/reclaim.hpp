// SPDX-License-Identifier: MIT
// Quiescent-state reclamation: when may memory that others found through a shared pointer be freed?
// A reader (a worker, or a foreign thread for the time of a guard) has a cell that holds the epoch it last
// announced, 0 while it reads nothing. Who unlinks an object draws a ticket: the epoch, moved on by one. The
// object may be freed once every cell is 0 or has reached the ticket.
//
// Coming online against retiring is Dekker's pattern: reader: cell = epoch, then load the shared pointer;
// retirer: unlink the shared pointer, then load the cell. All four are seq_cst, so at least one sees the
// other: the reader sees the pointer gone, or the retirer sees the reader. (The process table's slots are
// therefore loaded and stored seq_cst.) Announcing a newer epoch while online: the load of the epoch is
// acquire and pairs with the ticket's RMW, so what the reader loads afterwards has the unlinking in it; the
// store to the cell is release and pairs with the retirer's load, so all the reader did before happens before
// the freeing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "runtime/structures/atomics.hpp"

namespace coppice::runtime {

// Foreign: guards at once; more wait for each other.
template <class Atomics = machine_atomics, std::size_t Foreign = 64>
class basic_reclaimer {
 public:
  explicit basic_reclaimer(std::size_t workers) : cells_(workers + Foreign) {}

  // A worker's cell, by its index; its thread only.
  void online(std::size_t worker) {
    cells_[worker].epoch.store(epoch_.load(std::memory_order_acquire), std::memory_order_seq_cst);
  }
  void quiescent(std::size_t worker) {
    cells_[worker].epoch.store(epoch_.load(std::memory_order_acquire), std::memory_order_release);
  }
  void offline(std::size_t worker) { cells_[worker].epoch.store(0, std::memory_order_release); }

  // For threads that are no workers: what they find stays valid while this lives.
  class guard {
   public:
    explicit guard(basic_reclaimer& domain) : cell_(domain.take_cell()) {}
    ~guard() { cell_.store(0, std::memory_order_release); }
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;

   private:
    typename Atomics::template atomic<std::uint64_t>& cell_;
  };

  // After the unlinking.
  std::uint64_t ticket() { return epoch_.fetch_add(1, std::memory_order_seq_cst) + 1; }
  // Tickets up to this one are safe.
  std::uint64_t safe_until() const {
    std::uint64_t oldest = epoch_.load(std::memory_order_acquire);
    for (const cell& reader : cells_) {
      const std::uint64_t announced = reader.epoch.load(std::memory_order_seq_cst);
      if (announced != 0 && announced < oldest) oldest = announced;
    }
    return oldest;
  }

 private:
  struct alignas(64) cell {
    typename Atomics::template atomic<std::uint64_t> epoch{0};
  };

  typename Atomics::template atomic<std::uint64_t>& take_cell() {
    const std::size_t first = cells_.size() - Foreign;
    std::size_t at = std::hash<std::thread::id>{}(std::this_thread::get_id());
    for (std::size_t tries = 0;; ++tries, ++at) {
      auto& epoch = cells_[first + at % Foreign].epoch;
      std::uint64_t unused = 0;
      if (epoch.compare_exchange_strong(unused, epoch_.load(std::memory_order_acquire),
                                        std::memory_order_seq_cst, std::memory_order_relaxed))
        return epoch;
      if (tries % Foreign == Foreign - 1) Atomics::yield();
    }
  }

  alignas(64) typename Atomics::template atomic<std::uint64_t> epoch_{1};
  std::vector<cell> cells_;
};

using reclaimer = basic_reclaimer<>;

} // namespace coppice::runtime
