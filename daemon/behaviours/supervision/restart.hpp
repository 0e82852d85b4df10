// SPDX-License-Identifier: MIT
// What a supervisor decides, apart from doing it: what a child's end means, which children a restart stops
// and starts and in which order, whether restarts come too fast, how long one waits. Pure over the child
// table, so that a table of cases can hold it against OTP's supervisor. The supervisor's turn.
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

// What becomes of a child that ended by itself.
struct exit_decision {
  enum class kind : std::uint8_t {
    restart, // by the strategy, if the intensity allows
    keep,    // it stays in the table, stopped: restart_child may start it again
    forget,  // it leaves the table
  };
  kind what = kind::restart;
  bool report = false; // its end is an error worth the log

  friend bool operator==(const exit_decision&, const exit_decision&) = default;
};

exit_decision on_exit(strategy how, restart_type restart, exit_class reason);

// Whether the end of `ended`, already stopped in or about to leave the table, ends the supervisor too.
bool ends_supervisor(auto_shutdown policy, const child_table& children, const child& ended);

struct restart_plan {
  std::vector<child*> stop;  // in this order: the latest started first; temporary ones leave the table
  std::vector<child*> start; // in this order; a failure leaves those behind it stopped
};

// For `failed`, which runs no more.
restart_plan plan_restart(strategy how, child_table& children, child& failed);

// How long a child waits for its restart when it waited `earlier` times before; `chance` (0 to 1) is where in
// the random share this wait lies. Never longer than of.max.
base::nanos backoff_wait(const backoff_options& of, std::uint32_t earlier, double chance);

// Counts restarts as OTP does: one more than `intensity` within `period` is too many.
class restart_window {
 public:
  restart_window(std::uint32_t intensity, base::nanos period) : intensity_(intensity), period_(period) {}

  // Notes a restart at `now` (never earlier than the last); false: too many, the supervisor gives up.
  bool add(base::nanos now);
  // How many may be added at `now`.
  std::uint32_t left(base::nanos now) const;

 private:
  std::uint32_t intensity_;
  base::nanos period_;
  std::deque<base::nanos> times_; // at most intensity_ + 1
};

} // namespace coppice::behaviours
