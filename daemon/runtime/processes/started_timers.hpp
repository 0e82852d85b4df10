// SPDX-License-Identifier: MIT
// The running timers that a process has started. They belong to the process, which finds them by id. They run
// in the timer wheel of its home worker and move with the process (scheduling/placement.cpp). This is a hash
// table whose chains link the timers themselves; with few timers there is one chain and no table. For the
// process's owner.
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
  // The first time of deadline + N * period that is later than `now`. Only for a timer that repeats and is
  // due.
  base::nanos next_after(base::nanos now) const {
    const auto gone = static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(deadline);
    const base::nanos left = period - static_cast<base::nanos>(gone % static_cast<std::uint64_t>(period));
    return left > INT64_MAX - now ? INT64_MAX : now + left;
  }

  std::uint64_t id = 0;   // of two timers of one process, the later one has the higher id
  base::nanos period = 0; // 0: it fires once
  process_record* starter = nullptr;
  started_timer* next_in_chain = nullptr;
  bool notice = false; // the message that it sends is a notice
  destination to;
  message what;
};

class started_timers {
 public:
  // A process with more timers is not moved to another worker: moving one takes about 50 ns.
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

  // Takes all timers out of the wheel.
  void cancel(timer_wheel& wheel) const;
  // Puts all timers into the wheel, those with equal deadlines in the order of their start. Returns the
  // highest id; 0: there are none.
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

  std::unique_ptr<started_timer*[]> chains_; // null: only_ is the one chain
  started_timer* only_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t shift_ = 64; // shifts a mixed id to the index of its chain
};

} // namespace coppice::runtime
