// SPDX-License-Identifier: MIT
// See turn_meter.hpp.
#include "runtime/scheduling/turn_meter.hpp"

#include <algorithm>
#include <cstddef>

#include "base/border.hpp"
#include "runtime/processes/class_tally.hpp"
#include "runtime/scheduling/thread_clock.hpp"
#include "runtime/system_core.hpp"

namespace coppice::runtime {
namespace {

// About the distance of two measured turns, in counts: measuring takes a hundredth of the time.
constexpr std::uint64_t measures_every = 8'000;
constexpr std::uint32_t measures_at_least = 128; // of so many turns one
constexpr std::uint64_t laps_every = 500'000;    // ns between two turns that are looked at closely, about
constexpr std::uint32_t laps_at_least = 4096;    // of so many measured turns one
constexpr std::uint32_t most_turns = 16;         // between two reads of the clock
constexpr std::uint64_t quick_counts = 40'000;   // for all turns between two reads
constexpr base::nanos long_turn = 50'000;        // a process with such turns has all of them measured
constexpr double forgets_long = 1.0 / 32;        // so probable after each brief turn

} // namespace

turn_meter::turn_meter(unsigned index)
    : sampler_(measures_every, measures_at_least, index),
      lap_sampler_(laps_every, laps_at_least, ~std::uint64_t{index}) {}

turn_meter::turn_end turn_meter::at_end(std::uint64_t counter, base::nanos began, base::nanos now,
                                        base::nanos slow_after, std::uint32_t looks) {
  turn_end how;
  how.counter = counter;
  how.began = began;
  how.held = now - began;
  how.is_slow = how.held >= slow_after;
  how.is_seen = std::exchange(looks_seen_, looks) != looks;
  how.was_measured = clock_.is_on();
  how.was_closely = laps_.is_on();
  return how;
}

base::nanos turn_meter::end(process_record& p, const turn_end& how) {
  const bool is_told = how.is_slow && how.is_seen;
  if (how.was_measured) return charge_measured(p, how.counter, is_told);
  clock_.passed(how.counter);
  return is_told ? charge_seen(p, how) : 0;
}

// Between two measured turns the clock is read at times, so that the beginning of a turn is not known too
// wrongly.
void turn_meter::choose_next(const process_record& p, const turn_end& how, base::nanos now) {
  const bool was_due = left_ == 0;
  if (how.was_closely) [[unlikely]]
    end_laps(p);
  if (how.was_measured && !how.was_closely && --until_lapped_ == 0) [[unlikely]]
    return lap_next(now);
  const bool was_quick = how.counter - std::exchange(ended_at_, how.counter) < quick_counts;
  const bool is_in_gap = !how.was_measured && was_due && was_quick;
  const std::uint32_t gap = is_in_gap ? gap_left_ : sampler_.next_gap(how.counter);
  if (gap == 1) return measure_next(turn_counter(), sampler_.one_in());
  left_ = std::min(gap - 1, most_turns);
  gap_left_ = gap - left_;
}

base::nanos turn_meter::charge_measured(process_record& p, std::uint64_t counter, bool counts_once) {
  const std::uint32_t weight = counts_once ? 1 : clock_.weight();
  const base::nanos ran = clock_.end(counter);
  if (ran >= long_turn) [[unlikely]]
    p.schedule.turns_take = turn_length::is_long;
  else if (p.schedule.turns_take != turn_length::brief) [[unlikely]]
    p.schedule.turns_take = sampler_.chance(forgets_long) ? turn_length::brief : turn_length::was_long;
  charge(p, ran * weight);
  return ran;
}

// A turn that the watchdog saw counts once, measured or not: whether it looks does not depend on that.
base::nanos turn_meter::charge_seen(process_record& p, const turn_end& how) {
  const base::nanos ran = std::clamp<base::nanos>(thread_time() - clock_.used_at(how.began), 0, how.held);
  p.schedule.turns_take = turn_length::is_long;
  charge(p, ran);
  return ran;
}

base::nanos turn_meter::leave_turn(base::nanos since) {
  const base::nanos used = clock_.used_at(since);
  clock_.drop();
  laps_.drop();
  return used;
}

void turn_meter::charge_stuck(process_record& p, work_kind kind, base::nanos ran) {
  count_kind(p, kind, ran);
  p.schedule.turns_take = turn_length::is_long;
  charge(p, ran);
}

void turn_meter::charge(process_record& p, base::nanos ran) {
  uncharged_ += static_cast<std::uint64_t>(ran);
  const std::uint64_t units = uncharged_ / process_record::time_unit;
  uncharged_ %= process_record::time_unit;
  std::uint64_t full = 0;
  base::contained("the processor time of a process", [&] { full = p.add_time(units); });
  if (full != 0) [[unlikely]]
    charge_class(p, static_cast<base::nanos>(full * process_record::full * process_record::time_unit));
}

class_tally& turn_meter::tally_of(const process_record& p) {
  description is;
  base::contained("the description of a process", [&] { p.behaviour->describe(is); });
  return p.host().core().work.of(is);
}

void turn_meter::charge_class(const process_record& p, base::nanos ran) {
  base::contained("the processor time of a class", [&] { tally_of(p).charge(ran); });
}

void turn_meter::count_kind(const process_record& p, work_kind kind, base::nanos ran) {
  base::contained("the processor time of a callback", [&] { tally_of(p).saw(kind, ran); });
}

// A turn that is looked at closely pays for that. So it counts once, as a turn of its own beside those that
// stand for others.
void turn_meter::lap_next(base::nanos now) {
  lap_weight_ = lap_sampler_.one_in() * sampler_.one_in();
  until_lapped_ = lap_sampler_.next_gap(static_cast<std::uint64_t>(now));
  laps_next_ = true;
  measure_next(turn_counter(), 1);
}

bool turn_meter::begin_measured(const process_record& p) {
  const bool is_drawn = std::exchange(laps_next_, false);
  if (p.schedule.turns_take != turn_length::brief) {
    clock_.look_before(turn_counter());
    measure_next(turn_counter(), 1);
  }
  if (!is_drawn && p.schedule.turns_take != turn_length::is_long) return false;
  laps_.begin(p.schedule.turns_take == turn_length::is_long ? 1 : lap_weight_);
  return true;
}

void turn_meter::end_laps(const process_record& p) {
  laps_.end();
  base::contained("the measuring of a turn", [&] {
    class_tally& in = tally_of(p);
    for (std::size_t kind = 0; kind < work_kinds; ++kind)
      if (laps_.took()[kind] != 0) in.saw(static_cast<work_kind>(kind), laps_.took()[kind]);
  });
  count_noted(p);
}

void turn_meter::count_noted(const process_record& p) {
  base::contained("the measuring of messages", [&] {
    if (laps_.noted().empty()) return;
    class_tally& in = tally_of(p);
    for (const message_times& one : laps_.noted()) {
      in.handled.add(one.handled);
      if (one.waited >= 0) in.waited.add(one.waited);
    }
  });
  laps_.forget_noted();
}

} // namespace coppice::runtime
