// SPDX-License-Identifier: MIT
// The timers that a process started and that run. They belong to the process and are found by their ids; in a
// wheel they are its home's, and move with it (scheduling/placement.cpp). A hash table with chains through
// the timers themselves: a process with few has one chain and no table. Of the process's owner, see
// scheduling/placement.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/scheduling/timer_wheel.hpp"

namespace coppice::runtime {

class process_record;

struct started_timer : timer {
  // The first of deadline + N * period that is to come. Of one that repeats, in the wheel's order.
  base::nanos next_after(base::nanos now) const {
    const auto gone = static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(deadline);
    const base::nanos left = period - static_cast<base::nanos>(gone % static_cast<std::uint64_t>(period));
    return left > INT64_MAX - now ? INT64_MAX : now + left;
  }

  std::uint64_t id = 0;   // of those of one process the later one's is the higher
  base::nanos period = 0; // 0: it fires once
  process_record* starter = nullptr;
  started_timer* next_in_chain = nullptr;
  bool notice = false; // what it sends is one
  destination to;
  message what;
};

class started_timers {
 public:
  // Beyond this many they are too many to be moved in a moment, some 50 ns each.
  static constexpr std::uint32_t most_to_move = 256;

  started_timers() = default;
  ~started_timers();
  started_timers(const started_timers&) = delete;
  started_timers& operator=(const started_timers&) = delete;

  std::uint32_t size() const { return size_; }
  // Null: there is none.
  started_timer* find(std::uint64_t id) const;
  void add(std::unique_ptr<started_timer> fresh);
  std::unique_ptr<started_timer> take(std::uint64_t id); // null: there is none

  // Out of the wheel, all of them.
  void cancel(timer_wheel& wheel) const;
  // Into another one, equal deadlines in the order of their starting. The highest id.
  std::uint64_t start(timer_wheel& wheel) const;

 private:
  static constexpr std::uint32_t few = 8;

  started_timer* const& chain_of(std::uint64_t id) const {
    return chains_ == nullptr ? only_ : chains_[id * 0x9E3779B97F4A7C15U >> shift_];
  }
  started_timer*& chain_of(std::uint64_t id) {
    return chains_ == nullptr ? only_ : chains_[id * 0x9E3779B97F4A7C15U >> shift_];
  }
  std::uint32_t chains() const { return chains_ == nullptr ? 1 : std::uint32_t{1} << (64 - shift_); }
  void grow();
  template <class See>
  void for_each(See see) const;

  std::unique_ptr<started_timer*[]> chains_; // null: only_
  started_timer* only_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t shift_ = 64; // of a mixed id, to its chain
};

} // namespace coppice::runtime
