// SPDX-License-Identifier: MIT
// The decisions of a supervisor, apart from carrying them out: what a child's end means, which children a
// restart stops and starts and in which order, whether restarts come too fast, how long a restart waits.
// Pure over the child table, so that a table of cases can compare it with OTP's supervisor. The supervisor's
// turn.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/clock.hpp"
#include "behaviours/supervision/child_table.hpp"

namespace coppice::behaviours {

// How an exit reason reads to a supervisor: `normal`; `shutdown` or {shutdown, Term}; anything else.
enum class exit_class : std::uint8_t { normal, shutdown, abnormal };

exit_class classify(etf::bytes reason);

// The decision about a child that ended by itself.
struct exit_decision {
  enum class kind : std::uint8_t {
    restart, // by the strategy, if the intensity allows
    keep,    // it stays in the table, stopped: restart_child may start it again
    forget,  // it leaves the table
  };
  kind what = kind::restart;
  bool report = false; // its end is an error, which the log gets

  friend bool operator==(const exit_decision&, const exit_decision&) = default;
};

exit_decision on_exit(strategy how, restart_type restart, exit_class reason);

// Whether the end of `ended`, which is stopped in the table or about to leave it, ends the supervisor too.
bool ends_supervisor(auto_shutdown policy, const child_table& children, const child& ended);

struct restart_plan {
  std::vector<child*> stop;  // in this order: the latest started first; temporary children leave the table
  std::vector<child*> start; // in this order; if a start fails, the children after it stay stopped
};

// For `failed`, which runs no more.
restart_plan plan_restart(strategy how, child_table& children, child& failed);

// How long a child waits for its restart if it has waited `earlier` times before. `chance` (0 to 1) places
// the wait within its random share. Never longer than of.max.
base::nanos backoff_wait(const backoff_options& of, std::uint32_t earlier, double chance);

// Counts restarts as OTP does: more than `intensity` within `period` are too many.
class restart_window {
 public:
  restart_window(std::uint32_t intensity, base::nanos period) : intensity_(intensity), period_(period) {}

  // Notes a restart at `now` (never earlier than the last). False: too many, the supervisor gives up.
  bool add(base::nanos now);
  // Changes the limits. The restarts that have been noted count under the new ones.
  void set_limit(std::uint32_t intensity, base::nanos period) {
    intensity_ = intensity;
    period_ = period;
  }
  // How many restarts may still be added at `now`.
  std::uint32_t left(base::nanos now) const;

 private:
  std::uint32_t intensity_;
  base::nanos period_;
  std::deque<base::nanos> times_; // at most 1 more than the largest intensity_ so far
};

} // namespace coppice::behaviours
