// SPDX-License-Identifier: MIT
// What the programs of one type of actor come to, for metrics. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "base/program.hpp"

namespace coppice::behaviours {

// A plain copy. All but `running` is since the node began.
struct program_counts {
  std::string type; // PLUGIN:ACTOR
  std::uint64_t running = 0;
  std::uint64_t started = 0;
  std::uint64_t not_started = 0; // there is no such file, say
  std::uint64_t exited = 0;      // with status 0
  std::uint64_t failed = 0;      // exited with another
  std::uint64_t signalled = 0;   // ended by a signal
  std::uint64_t read = 0;        // bytes that they wrote and their actors read, of those that have ended
  std::uint64_t written = 0;     // bytes that their actors wrote, likewise
};

// What they are counted with.
class program_totals {
 public:
  void count_start() {
    add(started_, 1);
    add(running_, 1);
  }
  void count_no_start() { add(not_started_, 1); }
  void count_end(const base::program_end& how) {
    running_.fetch_sub(1, std::memory_order_relaxed);
    add(how.signal != 0 ? signalled_ : how.status != 0 ? failed_ : exited_, 1);
  }
  // Killed with its actor, and nobody waited for it.
  void count_left() {
    running_.fetch_sub(1, std::memory_order_relaxed);
    add(signalled_, 1);
  }
  void count_bytes(std::uint64_t read, std::uint64_t written) {
    add(read_, read);
    add(written_, written);
  }
  program_counts read(std::string type) const {
    return {std::move(type), value(running_),   value(started_), value(not_started_), value(exited_),
            value(failed_),  value(signalled_), value(read_),    value(written_)};
  }

 private:
  using number = std::atomic<std::uint64_t>;
  static void add(number& to, std::uint64_t more) { to.fetch_add(more, std::memory_order_relaxed); }
  static std::uint64_t value(const number& of) { return of.load(std::memory_order_relaxed); }

  number running_{0}, started_{0}, not_started_{0}, exited_{0}, failed_{0}, signalled_{0}, read_{0},
      written_{0};
};

} // namespace coppice::behaviours
