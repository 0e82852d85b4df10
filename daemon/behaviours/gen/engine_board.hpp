// SPDX-License-Identifier: MIT
// What engines of one kind count, where others can read it: a running one enters its counters here and leaves
// before it dies. Any thread.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/messages/ids.hpp"

namespace coppice::behaviours {

template <class Counters>
class engine_board {
 public:
  struct row {
    std::string label; // its place in the tree
    std::shared_ptr<const Counters> counters;
  };

  engine_board() = default;
  engine_board(const engine_board&) = delete;
  engine_board& operator=(const engine_board&) = delete;

  void enter(const runtime::pid& engine, row counts) {
    const std::scoped_lock held(lock_);
    rows_.insert_or_assign(engine, std::move(counts));
  }
  void leave(const runtime::pid& engine) {
    const std::scoped_lock held(lock_);
    rows_.erase(engine);
  }
  // By label.
  std::vector<row> rows() const {
    std::vector<row> out;
    {
      const std::scoped_lock held(lock_);
      for (const auto& [pid, one] : rows_) out.push_back(one);
    }
    std::ranges::sort(out, {}, &row::label);
    return out;
  }

 private:
  mutable std::mutex lock_;
  std::unordered_map<runtime::pid, row, runtime::pid_hash> rows_;
};

} // namespace coppice::behaviours
