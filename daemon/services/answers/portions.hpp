// SPDX-License-Identifier: MIT
// The budget of a turn for work on many entries. A request of a few bytes can ask for a list of all names or
// groups, so the work counts what it looks at, and lets the worker's other processes run when the turn's
// budget is used up. Meanwhile the process handles nothing else. In the process's own turn.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/process.hpp"

namespace coppice::services {

class portions {
 public:
  static constexpr std::size_t bytes_a_step = 256; // copied or compared: as much work as one entry

  portions() = default; // of no process: counts only
  explicit portions(runtime::process& self) : self_(&self) {}

  // One more entry was looked at, with so many bytes. May yield.
  void add(std::size_t bytes = 0) {
    const std::size_t now = 1 + bytes / bytes_a_step;
    steps_ += now;
    if (self_ == nullptr) return;
    self_->reductions(static_cast<std::uint32_t>(now));
    if ((since_ += now) < runtime::turn_reductions) return;
    since_ = 0;
    self_->yield();
  }
  // All that were counted.
  std::uint64_t steps() const { return steps_; }

 private:
  runtime::process* self_ = nullptr;
  std::uint64_t steps_ = 0;
  std::size_t since_ = 0; // it yielded
};

} // namespace coppice::services
