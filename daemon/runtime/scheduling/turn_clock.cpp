// SPDX-License-Identifier: MIT
// See turn_clock.hpp.
#include "runtime/scheduling/turn_clock.hpp"

#include <algorithm>

#include "runtime/scheduling/thread_clock.hpp"

namespace coppice::runtime {
namespace {

constexpr int tries = 4;               // to read the clocks at one time
constexpr std::uint64_t apart = 2'000; // counts between two readings that are of one time
constexpr double smoothing = 1.0 / 16; // of the share that brief turns lose

// The thread lost its processor for `lost` in a span. Returns how much of that the turn at its end lost.
// Nearly always the processor was lost once. So a loss that is longer than `longest`, the longest part of
// `rest`, was in the turn, and one that is longer than the turn was not. Otherwise each has its share, which
// is right on the average.
base::nanos lost_in(base::nanos turn, base::nanos rest, base::nanos longest, base::nanos lost) {
  if (lost > longest) return std::min(lost, turn);
  if (lost == 0 || lost > turn) return 0;
  return static_cast<base::nanos>(static_cast<double>(lost) * static_cast<double>(turn) /
                                  static_cast<double>(turn + rest));
}

} // namespace

turn_clock::reading turn_clock::read() {
  reading now;
  now.used = thread_time();
  for (int i = 0; i < tries; ++i) {
    now.counter = turn_counter();
    now.wall = base::mono_now();
    if (turn_counter() - now.counter < apart) break;
  }
  return now;
}

void turn_clock::start() {
  on_ = false;
  lost_share_ = 0;
  settles_at_ = 0;
  begin_span(read());
  if (first_.counter == 0) first_ = span_;
}

void turn_clock::begin_span(const reading& now) {
  span_ = now;
  part_began_ = now.counter;
  longest_part_ = 0;
}

void turn_clock::learn(const reading& now) {
  const std::uint64_t known_for = between(first_.counter, now.counter);
  if (known_for != 0)
    nanos_per_count_ = static_cast<double>(now.wall - first_.wall) / static_cast<double>(known_for);
  // At first more often, since the longer the counter is known, the better is its rate known.
  settles_at_ = now.counter + std::min(known_for, span_counts);
}

base::nanos turn_clock::lost_of(base::nanos whole, const reading& now) const {
  return span_.used == 0 ? 0 : std::max<base::nanos>(0, whole - (now.used - span_.used));
}

// A longer loss was in a turn that was not measured, or between turns. A short span tells less than a long
// one.
void turn_clock::share(base::nanos whole, base::nanos lost) {
  if (whole <= 0 || lost >= to_nanos(may_lose)) return;
  const double length = static_cast<double>(whole);
  const double weight = smoothing * std::min(1.0, length / static_cast<double>(to_nanos(span_counts)));
  lost_share_ += (static_cast<double>(lost) / length - lost_share_) * weight;
}

void turn_clock::look() {
  const reading now = read();
  learn(now);
  const base::nanos whole = to_nanos(between(span_.counter, now.counter));
  share(whole, lost_of(whole, now));
  begin_span(now);
}

base::nanos turn_clock::settle(std::uint64_t counts) {
  const reading now = read();
  learn(now);
  // Until the end of the turn: looking at the thread's clock is where the kernel likes to run another thread.
  const base::nanos whole = to_nanos(between(span_.counter, began_ + counts));
  const base::nanos lost = lost_of(whole, now);
  const base::nanos longest = to_nanos(longest_part_);
  begin_span(now);
  if (counts >= may_lose) {
    const base::nanos turn = to_nanos(counts);
    return turn - lost_in(turn, std::max<base::nanos>(0, whole - turn), longest, lost);
  }
  share(whole, lost);
  return to_nanos(counts, 1 - lost_share_);
}

} // namespace coppice::runtime
