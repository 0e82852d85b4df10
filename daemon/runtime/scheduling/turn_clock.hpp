// SPDX-License-Identifier: MIT
// Processor time of a worker's turns. The clock is the processor's counter, which costs some ns to read; it
// also goes on while the kernel runs other threads. The kernel's clock of the thread's processor time does
// not, but a look at it takes a microsecond or two. So a turn's length is that by the counter, and the
// thread's clock tells what the thread lost in a span that ends with the turn: it is looked at after turns
// that are long enough to have lost something, and otherwise once in a millisecond. Losing the processor to
// another thread mostly takes longer than any other turn of the span, so the loss is that of the long turn.
// A thread that keeps losing its processor for short times, as on a machine with more work than processors,
// loses it several times in a span. So before a turn that may be long, the thread's clock is looked at too,
// and the span is that turn. Losses that are shorter than a look is worth are not seen in any one turn; their
// share of a span is taken off all brief turns.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"

namespace coppice::runtime {

// Goes up at 1 to 10 GHz. Where there is none, or it is taken away: always 0. The tests on a simulated
// machine are compiled without it: it would tell them the real time.
inline std::uint64_t processor_counter() {
#if (defined(__x86_64__) || defined(__i386__)) && !defined(COPPICE_NO_PROCESSOR_COUNTER)
  return __builtin_ia32_rdtsc();
#else
  return 0;
#endif
}

// The processor's counter, else the monotonic clock in ns.
inline std::uint64_t turn_counter() {
  const std::uint64_t counter = processor_counter();
  return counter != 0 ? counter : static_cast<std::uint64_t>(base::mono_now());
}

// For one worker's thread; or for a thread that acts for it, at a hand-over. All counts are of
// turn_counter().
class turn_clock {
 public:
  // The thread begins to drive the worker.
  void start();
  // A turn that may be long is about to begin, at `counter`. Ends the span if other work is in it: what the
  // thread lost in that work would be taken off the turn.
  void look_before(std::uint64_t counter) {
    if (between(span_.counter, counter) >= may_mislead) look();
  }
  // The next turn is measured and counts for `weight` turns.
  void begin(std::uint64_t counter, std::uint32_t weight) {
    began_ = counter;
    weight_ = weight;
    on_ = true;
  }
  void reweigh(std::uint32_t weight) { weight_ = weight; }
  // The turn that is measured has not begun yet: other work has ended at `counter`.
  void leave_out_until(std::uint64_t counter) {
    if (on_) began_ = counter;
  }
  // The thread was idle, and may have given its processor away.
  void was_idle(std::uint64_t from, std::uint64_t until) {
    passed(from);
    part_began_ = until;
    const std::uint64_t idle = between(from, until);
    span_.counter += idle;
    span_.wall += to_nanos(idle);
  }
  // The measured turn has ended. Returns its processor time in ns.
  base::nanos end(std::uint64_t counter) {
    on_ = false;
    const std::uint64_t counts = between(began_, counter);
    if (counts >= may_lose || counter >= settles_at_) [[unlikely]]
      return settle(counts);
    passed(counter);
    return to_nanos(counts, 1 - lost_share_);
  }
  void drop() { on_ = false; }
  // Work that is not measured ended at `counter`.
  void passed(std::uint64_t counter) {
    longest_part_ = std::max(longest_part_, between(part_began_, counter));
    part_began_ = counter;
  }

  bool is_on() const { return on_; }
  std::uint32_t weight() const { return weight_; }
  // About the thread's processor time at the monotonic time `at`, which is in the present turn. Too high by
  // what the thread lost since the span began.
  base::nanos used_at(base::nanos at) const { return span_.used + (at > span_.wall ? at - span_.wall : 0); }

 private:
  // The least counts of a turn that is looked at alone. For a shorter one a look at the thread's clock would
  // take more than a hundredth of the turn.
  static constexpr std::uint64_t may_lose = 400'000;
  static constexpr std::uint64_t span_counts = 2'000'000; // between two looks
  // The least counts of other work in a span that are worth a look before a turn that may be long.
  static constexpr std::uint64_t may_mislead = 50'000;

  struct reading {
    std::uint64_t counter = 0;
    base::nanos wall = 0;
    base::nanos used = 0; // by the thread; 0: the kernel does not tell
  };
  static reading read();
  // The counters of two processors may differ a little.
  static std::uint64_t between(std::uint64_t from, std::uint64_t until) {
    return until > from ? until - from : 0;
  }
  base::nanos to_nanos(std::uint64_t counts, double part = 1) const {
    return static_cast<base::nanos>(static_cast<double>(counts) * nanos_per_count_ * part);
  }
  void begin_span(const reading& now);
  // Learns the counter's rate from `now`, and when the thread's clock is looked at next.
  void learn(const reading& now);
  // What the thread has lost in the span, which has lasted for `whole` by the counter, until `now`.
  base::nanos lost_of(base::nanos whole, const reading& now) const;
  // Adds the span's loss to the share that brief turns lose.
  void share(base::nanos whole, base::nanos lost);
  // Ends the span between two turns.
  [[gnu::cold, gnu::noinline]] void look();
  [[gnu::cold, gnu::noinline]] base::nanos settle(std::uint64_t counts);

  bool on_ = false;
  std::uint32_t weight_ = 1;
  std::uint64_t began_ = 0;
  std::uint64_t settles_at_ = 0; // the thread's clock is looked at after the turn that ends then
  double nanos_per_count_ = 0;
  double lost_share_ = 0; // of brief turns
  reading span_;          // at its beginning, later by what the thread was idle since then
  // The span's parts are the times between two counters that are told here.
  std::uint64_t part_began_ = 0;
  std::uint64_t longest_part_ = 0;
  reading first_; // of the worker
};

} // namespace coppice::runtime
