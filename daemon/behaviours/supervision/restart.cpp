// SPDX-License-Identifier: MIT
// OTP's supervisor rules (lib/stdlib, supervisor(3), "Restart strategy" and "auto_shutdown"). Pure.
#include "behaviours/supervision/restart.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <iterator>

namespace coppice::behaviours {

exit_class classify(etf::bytes reason) {
  etf::cursor at(reason);
  if (at.read_atom_is("normal")) return exit_class::normal;
  if (at.read_atom_is("shutdown")) return exit_class::shutdown;
  if (at.read_tuple_of(2) && at.read_atom_is("shutdown")) return exit_class::shutdown;
  return exit_class::abnormal;
}

exit_decision on_exit(strategy how, restart_type restart, exit_class reason) {
  using kind = exit_decision::kind;
  if (restart == restart_type::permanent) return {kind::restart, true};
  const bool abnormal = reason == exit_class::abnormal;
  if (restart == restart_type::transient && abnormal) return {kind::restart, true};
  const bool forget = restart == restart_type::temporary || how == strategy::simple_one_for_one;
  return {forget ? kind::forget : kind::keep, abnormal};
}

bool ends_supervisor(auto_shutdown policy, const child_table& children, const child& ended) {
  if (policy == auto_shutdown::never || !ended.spec->significant) return false;
  if (policy == auto_shutdown::any_significant) return true;
  for (const child& one : children.in_start_order()) {
    const bool is_down = one.state == child_state::stopped || one.state == child_state::given_up;
    if (&one != &ended && one.spec->significant && !is_down) return false;
  }
  return true;
}

restart_plan plan_restart(strategy how, child_table& children, child& failed) {
  restart_plan plan;
  if (how == strategy::one_for_one || how == strategy::simple_one_for_one) {
    plan.start.push_back(&failed);
    return plan;
  }
  auto& all = children.in_start_order();
  const auto first = how == strategy::rest_for_one ? failed.place : all.begin();
  for (auto at = first; at != all.end(); ++at) {
    if (&*at == &failed || at->spec->restart != restart_type::temporary) plan.start.push_back(&*at);
  }
  for (auto at = all.end(); at != first;) {
    --at;
    if (&*at != &failed) plan.stop.push_back(&*at);
  }
  return plan;
}

base::nanos backoff_wait(const backoff_options& of, std::uint32_t earlier, double chance) {
  constexpr base::nanos after_none = 100 * base::nanos_per_ms;
  base::nanos wait = of.first;
  if (wait == 0 && earlier > 0) {
    wait = after_none;
    --earlier;
  }
  for (; earlier != 0 && wait != 0 && wait < of.max; --earlier) wait = wait > of.max / 2 ? of.max : wait * 2;
  wait = std::min(wait, of.max);
  return wait - static_cast<base::nanos>(static_cast<double>(wait) * of.jitter * chance);
}

bool restart_window::add(base::nanos now) {
  while (!times_.empty() && now - times_.front() > period_) times_.pop_front();
  times_.push_back(now);
  return times_.size() <= intensity_;
}

std::uint32_t restart_window::left(base::nanos now) const {
  std::uint32_t within = 0;
  for (const base::nanos one : times_) within += now - one > period_ ? 0 : 1;
  return within >= intensity_ ? 0 : intensity_ - within;
}

} // namespace coppice::behaviours
