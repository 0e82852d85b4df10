// SPDX-License-Identifier: MIT
// See process_table.hpp. A slot's serial is written while no process can be found in the slot, before the
// next one is published (seq_cst store, seq_cst load). So a reader that sees the process sees its serial or a
// later one; in the latter case the process has ended.
#include "runtime/processes/process_table.hpp"

#include <algorithm>
#include <mutex>

#include "runtime/process.hpp"

namespace coppice::runtime {

process_table::process_table(std::uint32_t limit)
    : limit_(limit), batch_(limit >= large ? 32 : 1), chunks_(limit / chunk_size + 2) {}

std::optional<process_table::key> process_table::reserve(slot_cache* mine) {
  slot_cache for_once;
  slot_cache& from = mine != nullptr ? *mine : for_once;
  const std::size_t wanted = mine != nullptr ? batch_ : 1;
  if (from.ready.empty()) {
    const std::lock_guard guard(lock_);
    // Slots that this worker has given back are used last, but before the limit is reported.
    if (!take(from.ready) && !from.spent.empty()) from.ready.swap(from.spent);
    while (from.ready.size() < wanted && take(from.ready)) {
    }
    std::ranges::reverse(from.ready);
  }
  if (from.ready.empty()) return std::nullopt;
  const std::uint32_t id = from.ready.back();
  from.ready.pop_back();
  // Another worker may have used the slot last: fetches one that is needed a little later into the cache.
  if (constexpr std::size_t ahead = 4; from.ready.size() >= ahead)
    __builtin_prefetch(&at(from.ready[from.ready.size() - ahead]), 1);
  return key{id, at(id).serial.load(std::memory_order_relaxed)};
}

bool process_table::take(std::vector<std::uint32_t>& into) {
  const std::uint32_t fresh = used_.load(std::memory_order_relaxed);
  // New slots first while few are free, so that serials stay small for peers with 13 bits for them.
  if (!free_.empty() && (fresh > limit_ || free_.size() >= chunk_size)) {
    into.push_back(free_.front());
    free_.pop_front();
    return true;
  }
  if (fresh > limit_) return false;
  if (chunks_[fresh / chunk_size].load(std::memory_order_relaxed) == nullptr) {
    owned_.push_back(std::make_unique<slot[]>(chunk_size));
    chunks_[fresh / chunk_size].store(owned_.back().get(), std::memory_order_release);
  }
  into.push_back(fresh);
  used_.store(fresh + 1, std::memory_order_release);
  return true;
}

void process_table::publish(key where, process_record* made) {
  at(where.id).who.store(made, std::memory_order_seq_cst);
}

void process_table::unlink(key where) {
  at(where.id).who.store(nullptr, std::memory_order_seq_cst);
}

void process_table::give_back(key where, slot_cache* mine) {
  at(where.id).serial.store(where.serial + 1, std::memory_order_relaxed);
  slot_cache for_once;
  slot_cache& into = mine != nullptr ? *mine : for_once;
  into.spent.push_back(where.id);
  if (mine != nullptr && into.spent.size() < batch_) return;
  const std::lock_guard guard(lock_);
  free_.insert(free_.end(), into.spent.begin(), into.spent.end());
  into.spent.clear();
}

} // namespace coppice::runtime
