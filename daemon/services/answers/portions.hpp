// SPDX-License-Identifier: MIT
// The turn's budget for work on many entries. A short request can ask for a list of all names or groups, so
// the work counts the entries that it looks at and yields to the worker's other processes when the turn's
// budget is used up. Meanwhile the process handles nothing else. In the process's own turn.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/process.hpp"

namespace coppice::services {

class portions {
 public:
  static constexpr std::size_t bytes_a_step = 256; // copied or compared bytes that count as one entry
  // Bytes of terms that count as one entry where each term inside is looked at: to find the end of a term, to
  // hash it, or to compare it with another one as a term.
  static constexpr std::size_t read_bytes_a_step = 16;

  portions() = default; // without a process: only counts
  explicit portions(runtime::process& self) : self_(&self) {}

  // Counts an entry, and `bytes` copied or compared for it. May yield.
  void add(std::size_t bytes = 0) { count(1 + bytes / bytes_a_step); }
  // Counts `bytes` of terms that are looked at. May yield.
  void add_read(std::size_t bytes) { count(1 + bytes / read_bytes_a_step); }
  // The entries counted so far.
  std::uint64_t steps() const { return steps_; }

 private:
  void count(std::size_t now) {
    steps_ += now;
    if (self_ == nullptr) return;
    self_->reductions(static_cast<std::uint32_t>(now));
    if ((since_ += now) < runtime::turn_reductions) return;
    since_ = 0;
    self_->yield();
  }

  runtime::process* self_ = nullptr;
  std::uint64_t steps_ = 0;
  std::size_t since_ = 0; // since it last yielded
};

} // namespace coppice::services
