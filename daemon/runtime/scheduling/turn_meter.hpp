// SPDX-License-Identifier: MIT
// Chooses the turns of a worker that are measured, and charges their processor time. A turn that is measured
// stands for others: it is drawn by chance (turn_sampler.hpp) and counts as many times as turns are drawn
// from. Some of the measured turns are looked at closely: their time is told apart by kind of work
// (turn_laps.hpp). All turns of a process whose turns are long are measured and looked at closely. Time goes
// to the process, and now and then to its class (processes/class_tally.hpp).
#pragma once

#include <cstdint>
#include <utility>

#include "base/clock.hpp"
#include "runtime/processes/process_record.hpp"
#include "runtime/scheduling/turn_clock.hpp"
#include "runtime/scheduling/turn_laps.hpp"
#include "runtime/scheduling/turn_sampler.hpp"
#include "runtime/work_kind.hpp"

namespace coppice::runtime {

class class_tally;

// For one worker's thread; or for a thread that acts for it, at a hand-over. Counters are of turn_counter().
class turn_meter {
 public:
  // `index`: of the worker.
  explicit turn_meter(unsigned index);

  // The thread begins to drive the worker.
  void start() { clock_.start(); }
  // The thread was idle between these counters.
  void was_idle(std::uint64_t from, std::uint64_t until) { clock_.was_idle(from, until); }
  // Turns begin now; other work has ended at `counter`.
  void begin_turns(std::uint64_t counter) { clock_.leave_out_until(counter); }
  // A turn of `p` begins. True: it is looked at closely.
  bool begin(const process_record& p) {
    return (laps_next_ || p.schedule.turns_take != turn_length::brief) && begin_measured(p);
  }
  // A turn ends. `looks`: how often the watchdog has looked. True: the clock is to be read, and then end()
  // and choose_next() to be called.
  bool is_due(std::uint32_t looks) { return --left_ == 0 || looks != looks_seen_; }

  // How a turn ended whose end is_due().
  struct turn_end {
    std::uint64_t counter = 0;
    base::nanos began = 0; // monotonic
    base::nanos held = 0;  // the worker, in ns of wall time
    bool is_slow = false;  // by system_options::watchdog
    bool is_seen = false;  // the watchdog has looked during the turn
    bool was_measured = false;
    bool was_closely = false; // looked at
  };
  turn_end at_end(std::uint64_t counter, base::nanos began, base::nanos now, base::nanos slow_after,
                  std::uint32_t looks);
  // Charges p with the turn if it was measured, or if it was slow and the watchdog saw it. Returns its
  // processor time; 0: not known.
  base::nanos end(process_record& p, const turn_end& how);
  // Chooses the next turn that is measured.
  void choose_next(const process_record& p, const turn_end& how, base::nanos now);

  // The laps of the present turn.
  turn_laps& laps() { return laps_; }
  // Adds the messages that p's turn has noted in its laps.
  [[gnu::cold, gnu::noinline]] void count_noted(const process_record& p);
  // Work of this kind has taken so long in p's turn. For a turn that was not looked at closely.
  [[gnu::cold, gnu::noinline]] static void count_kind(const process_record& p, work_kind kind,
                                                      base::nanos ran);

  // A handler is stuck in a turn that began at `since`: the worker goes on without it. Returns about the
  // processor time that the thread had used then.
  base::nanos leave_turn(base::nanos since);
  // On the worker's thread, which is not the one that the handler of `p` ran on: that handler was stuck, and
  // used so much processor time in a turn that began on this worker.
  void charge_stuck(process_record& p, work_kind kind, base::nanos ran);

 private:
  // A turn of `p` begins that is to be looked at closely, or to be measured although it was not drawn. True:
  // looked at closely.
  [[gnu::cold, gnu::noinline]] bool begin_measured(const process_record& p);
  // The entry of p's class. Throws only without memory.
  static class_tally& tally_of(const process_record& p);
  // The turn of `p` that is looked at closely is over.
  [[gnu::cold, gnu::noinline]] void end_laps(const process_record& p);
  // Adds ns of processor time to `p` and its class.
  void charge(process_record& p, base::nanos ran);
  [[gnu::cold, gnu::noinline]] static void charge_class(const process_record& p, base::nanos ran);
  // `counts_once`: regardless of its weight. Returns its processor time.
  base::nanos charge_measured(process_record& p, std::uint64_t counter, bool counts_once);
  [[gnu::cold, gnu::noinline]] base::nanos charge_seen(process_record& p, const turn_end& how);
  void lap_next(base::nanos now); // the next turn is looked at closely
  // The next turn begins, and is the one that is measured.
  void measure_next(std::uint64_t counter, std::uint32_t weight) {
    clock_.begin(counter, weight);
    left_ = 1;
  }

  std::uint32_t left_ = 1;         // turns until the clock is read at the end of one
  std::uint32_t gap_left_ = 1;     // turns from then to the one that is measured
  std::uint32_t looks_seen_ = 0;   // of the watchdog, at the last end of a turn that read the clock
  bool laps_next_ = false;         // the next turn is looked at closely
  std::uint32_t until_lapped_ = 1; // measured turns; after the last one a turn is looked at closely
  std::uint32_t lap_weight_ = 1;   // turns that it stands for
  std::uint64_t ended_at_ = 0;     // the counter at the last end of a turn that read the clock
  std::uint64_t uncharged_ = 0;    // ns, less than a unit of process_record::add_time()
  turn_clock clock_;
  turn_sampler sampler_;
  turn_sampler lap_sampler_; // of measured turns
  turn_laps laps_;
};

} // namespace coppice::runtime
