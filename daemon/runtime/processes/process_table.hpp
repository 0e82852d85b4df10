// SPDX-License-Identifier: MIT
// Finds the process with a pid's id and serial, without a lock. The id is the number of a slot. Each reuse of
// the slot increases its serial by one, so an old pid never finds a new process. Slots are reused about
// oldest first. A worker takes and gives back several at a time (slot_cache), so that workers which spawn at
// the same time do not wait for each other; some slots of each worker may therefore be unused when the
// limit is reached. Below a limit of 100,000 it takes one at a time and the limit is exact. A found process
// stays valid as the reclaimer says: for a worker until it next announces an epoch, for other threads while
// they hold a guard.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/brief_mutex.hpp"
#include "runtime/structures/atomics.hpp"

namespace coppice::runtime {

class process_record;

class process_table {
 public:
  explicit process_table(std::uint32_t limit);

  struct key {
    std::uint32_t id;
    std::uint32_t serial;
  };
  // Slots kept by one worker, for its thread only.
  class slot_cache {
   public:
    slot_cache() = default;

   private:
    friend class process_table;
    std::vector<std::uint32_t> ready; // to be used next, from the back
    std::vector<std::uint32_t> spent; // to be given back
  };
  // A free slot, still empty. nullopt: the limit is reached. `mine`: the calling worker's; null: no worker.
  std::optional<key> reserve(slot_cache* mine);
  void publish(key at, process_record* made);
  // From now on the process cannot be found.
  void unlink(key at);
  // Makes the slot free: after unlink(), or if it was reserved and not published.
  void give_back(key at, slot_cache* mine);

  [[gnu::always_inline]] process_record* find(std::uint32_t id, std::uint32_t serial) const {
    if (id == 0 || id >= used_.load(std::memory_order_acquire)) return nullptr;
    const slot& here = at(id);
    process_record* found = here.who.load(std::memory_order_seq_cst);
    return here.serial.load(std::memory_order_relaxed) == serial ? found : nullptr;
  }

  // The process that has the slot now; null: none.
  process_record* find(std::uint32_t id) const {
    if (id == 0 || id >= used_.load(std::memory_order_acquire)) return nullptr;
    return at(id).who.load(std::memory_order_seq_cst);
  }

  // Calls `see(process_record&)` for every process. Under a guard.
  template <class See>
  void for_each(See see) const {
    for_each_from(1, limit_, see);
  }
  // Looks at `most` ids, starting with `first`. Returns the id to continue with; 0: all are done.
  template <class See>
  std::uint32_t for_each_from(std::uint32_t first, std::uint32_t most, See see) const {
    const std::uint32_t end = used_.load(std::memory_order_acquire);
    std::uint32_t id = std::max(first, 1U);
    for (; id < end && most > 0; ++id, --most)
      if (process_record* found = at(id).who.load(std::memory_order_seq_cst)) see(*found);
    return id < end ? id : 0;
  }

 private:
  static constexpr std::uint32_t chunk_size = 4096;
  static constexpr std::uint32_t large = 100'000;
  struct slot {
    machine_atomics::atomic<process_record*> who{nullptr};
    machine_atomics::atomic<std::uint32_t> serial{0};
  };
  slot& at(std::uint32_t id) const {
    return chunks_[id / chunk_size].load(std::memory_order_acquire)[id % chunk_size];
  }

  bool take(std::vector<std::uint32_t>& into); // under the lock; false: the limit is reached

  std::uint32_t limit_;
  std::size_t batch_;      // slots that a slot_cache takes or gives back at once
  base::brief_mutex lock_; // guards free_ and owned_, and growing
  std::deque<std::uint32_t> free_;
  std::vector<std::unique_ptr<slot[]>> owned_;
  std::atomic<std::uint32_t> used_{1}; // all ids in use are below this; id 0 is never used
  std::vector<machine_atomics::atomic<slot*>> chunks_;
};

} // namespace coppice::runtime
