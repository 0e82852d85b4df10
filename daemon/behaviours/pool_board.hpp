// SPDX-License-Identifier: MIT
// What the pools of a node count, where others can read it: a running pool enters its counters here and
// leaves before it dies. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/messages/ids.hpp"

namespace coppice::behaviours {

// The pool alone writes.
struct pool_counters {
  using number = std::atomic<std::uint64_t>;
  number workers{0};
  number queued{0}; // requests that wait, and
  number held{0};   // that workers have, just now
  number handled{0};
  number rejected{0};   // found the queue full
  number expired{0};    // waited for too long, or their caller has gone
  number retried{0};    // given to another worker
  number lost{0};       // held by a worker that ended
  number unanswered{0}; // of these: calls whose callers could not be told

  static void set(number& of, std::uint64_t to) { of.store(to, std::memory_order_relaxed); }
  static void count(number& of) { set(of, of.load(std::memory_order_relaxed) + 1); }
};

struct pool_row {
  std::string label;
  std::shared_ptr<const pool_counters> counters;
};

class pool_board {
 public:
  pool_board() = default;
  pool_board(const pool_board&) = delete;
  pool_board& operator=(const pool_board&) = delete;

  void enter(const runtime::pid& pool, pool_row row) {
    const std::scoped_lock held(lock_);
    rows_.insert_or_assign(pool, std::move(row));
  }
  void leave(const runtime::pid& pool) {
    const std::scoped_lock held(lock_);
    rows_.erase(pool);
  }
  // By label.
  std::vector<pool_row> rows() const;

 private:
  mutable std::mutex lock_;
  std::unordered_map<runtime::pid, pool_row, runtime::pid_hash> rows_;
};

} // namespace coppice::behaviours
