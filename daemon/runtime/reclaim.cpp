// SPDX-License-Identifier: MIT
// The rare side of reclamation: foreign guards and the check of all cells.
#include "runtime/reclaim.hpp"

#include <functional>
#include <thread>

namespace coppice::runtime {

reclaimer::guard::guard(reclaimer& domain) {
  const std::size_t first = domain.cells_.size() - foreign;
  std::size_t at = std::hash<std::thread::id>{}(std::this_thread::get_id());
  for (std::size_t tries = 0;; ++tries, ++at) {
    auto& epoch = domain.cells_[first + at % foreign].epoch;
    std::uint64_t unused = 0;
    if (epoch.compare_exchange_strong(unused, domain.epoch_.load(std::memory_order_acquire),
                                      std::memory_order_seq_cst, std::memory_order_relaxed)) {
      cell_ = &epoch;
      return;
    }
    if (tries % foreign == foreign - 1) std::this_thread::yield();
  }
}

std::uint64_t reclaimer::safe_until() const {
  std::uint64_t oldest = epoch_.load(std::memory_order_acquire);
  for (const cell& reader : cells_) {
    const std::uint64_t announced = reader.epoch.load(std::memory_order_seq_cst);
    if (announced != 0 && announced < oldest) oldest = announced;
  }
  return oldest;
}

} // namespace coppice::runtime
