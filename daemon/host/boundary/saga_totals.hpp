// SPDX-License-Identifier: MIT
// Counts for the sagas of one type, including sagas that have ended. Each saga adds the growth of its own
// counters. Any thread.
#pragma once

#include <cstdint>
#include <numeric>

#include "metrics/counters.hpp"
#include "saga/options.hpp"

namespace coppice::host {

class saga_totals final : public metrics::counters {
 public:
  // Counts of what a saga holds at present.
  struct held {
    std::uint64_t open = 0, steps = 0;
  };

  void begin() { running_.add(); }
  void end(const held& before) {
    running_.subtract();
    move(open_, 0, before.open);
    move(steps_, 0, before.steps);
  }
  void add(const ::coppice::saga::counters& now, const ::coppice::saga::counters& before) {
    add(started_, now.started - before.started);
    add(refused_, now.refused - before.refused);
    add(committed_, now.committed - before.committed);
    add(compensated_, now.compensated - before.compensated);
    add(aborted_, now.aborted - before.aborted);
    add(undo_failures_, now.undo_failures - before.undo_failures);
    add(asked_again_, now.asked_again - before.asked_again);
    add(kept_answers_, now.kept_answers - before.kept_answers);
    add(heuristic_, now.heuristic - before.heuristic);
    add(mismatches_, now.heuristic_mismatch - before.heuristic_mismatch);
    add(dropped_, sum(now.dropped) - sum(before.dropped));
  }
  void hold(const held& now, const held& before) {
    move(open_, now.open, before.open);
    move(steps_, now.steps, before.steps);
  }

 private:
  static void add(metrics::number& to, std::uint64_t more) {
    if (more != 0) to.add(more);
  }
  static void move(metrics::gauge& of, std::uint64_t now, std::uint64_t before) {
    if (now > before) of.add(now - before);
    if (now < before) of.subtract(before - now);
  }
  template <class Numbers>
  static std::uint64_t sum(const Numbers& all) {
    return std::accumulate(all.begin(), all.end(), std::uint64_t{0});
  }

  metrics::gauge running_{*this, "sagas", "Sagas of a type that run"};
  metrics::gauge open_{*this, "saga_open", "Transactions that were started at sagas and have not ended"};
  metrics::gauge steps_{*this, "saga_steps", "Steps that sagas take part in and that are not forgotten"};
  metrics::counter started_{*this, "saga_started", "Transactions that were started"};
  metrics::counter refused_{*this, "saga_refused",
                            "Starts that were refused because max_transactions were open"};
  metrics::counter committed_{*this, "saga_committed", "Transactions that were committed"};
  metrics::counter compensated_{*this, "saga_compensated", "Transactions whose steps were undone"};
  metrics::counter aborted_{*this, "saga_aborted", "Transactions of two phases that were aborted"};
  metrics::counter undo_failures_{*this, "saga_undo_failures", "Steps that cannot be undone"};
  metrics::counter asked_again_{*this, "saga_asked_again", "Requests to participants that were sent again"};
  metrics::counter kept_answers_{*this, "saga_kept_answers",
                                 "Requests of coordinators that were answered without a callback"};
  metrics::counter heuristic_{*this, "saga_heuristic", "Steps in doubt that an operator has decided"};
  metrics::counter mismatches_{*this, "saga_heuristic_mismatch",
                               "Of them, those that the coordinator decided differently later"};
  metrics::counter dropped_{*this, "saga_dropped",
                            "Messages to sagas that were dropped: not their sender's, stale or malformed"};
};

} // namespace coppice::host
