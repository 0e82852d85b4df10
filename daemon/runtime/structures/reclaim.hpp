// SPDX-License-Identifier: MIT
// Quiescent-state reclamation: decides when an object that other threads found through a shared pointer may
// be freed. Each reader (a worker, or another thread while it holds a guard) has a cell with the epoch it
// last announced; 0: it reads nothing. A thread that unlinks an object draws a ticket: it increments the
// epoch. The object may be freed once every cell is 0 or has reached the ticket.
//
// Coming online against retiring is Dekker's pattern. Reader: cell = epoch, then load the shared pointer.
// Retirer: unlink the shared pointer, then load the cell. All four are seq_cst, so at least one sees the
// other: the reader sees that the pointer is gone, or the retirer sees the reader. (Therefore the process
// table loads and stores its slots seq_cst.) Announcing a newer epoch while online: the load of the epoch is
// acquire and pairs with the ticket's RMW, so the reader's later loads see the unlinking; the store to the
// cell is release and pairs with the retirer's load, so all that the reader did before happens before the
// freeing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "runtime/structures/atomics.hpp"

namespace coppice::runtime {

// Foreign: most guards at once; further threads wait for a free one.
template <class Atomics = machine_atomics, std::size_t Foreign = 64>
class basic_reclaimer {
 public:
  explicit basic_reclaimer(std::size_t workers) : cells_(workers + Foreign) {}

  // For a worker's cell, by its index. Only its thread.
  void online(std::size_t worker) {
    cells_[worker].epoch.store(epoch_.load(std::memory_order_acquire), std::memory_order_seq_cst);
  }
  void quiescent(std::size_t worker) {
    cells_[worker].epoch.store(epoch_.load(std::memory_order_acquire), std::memory_order_release);
  }
  void offline(std::size_t worker) { cells_[worker].epoch.store(0, std::memory_order_release); }

  // For threads that are not workers: objects that they find stay valid while the guard lives.
  class guard {
   public:
    explicit guard(basic_reclaimer& domain) : cell_(domain.take_cell()) {}
    ~guard() { cell_.store(0, std::memory_order_release); }
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;

   private:
    typename Atomics::template atomic<std::uint64_t>& cell_;
  };

  // Drawn after the unlinking.
  std::uint64_t ticket() { return epoch_.fetch_add(1, std::memory_order_seq_cst) + 1; }
  // All tickets up to this one are safe.
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
