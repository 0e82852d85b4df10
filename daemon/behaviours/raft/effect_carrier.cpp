// SPDX-License-Identifier: MIT
// See effect_carrier.hpp. Timers and monitors are set once the first entry of the leader's own term is
// applied: then all that earlier leaders had committed is in the state.
#include "behaviours/raft/effect_carrier.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/clock.hpp"
#include "behaviours/gen/destination_term.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::message_writer;
using runtime::process;

effect_carrier::effect_carrier(group_effects& of, std::shared_ptr<machine_progress> progress, teller came)
    : of_(of), progress_(std::move(progress)), came_(std::move(came)) {}

void effect_carrier::lead(process& self, const leadership& of, consensus::log_index index) {
  unset_all(self);
  leads_ = of;
  const bool leads = leads_.first != 0;
  of_.want_messages(leads);
  (void)of_.take_messages();
  if (!leads || index < leads_.first) return;
  is_set_ = true;
  (void)of_.take_changes();
  for (const auto& [key, one] : of_.timers()) set(self, key, true);
  for (const auto& [key, one] : of_.monitors()) set(self, key, true);
  pump(self);
}

void effect_carrier::applied(process& self, consensus::log_index index) {
  std::vector<group_effects::outgoing> messages = of_.take_messages();
  const std::vector<group_effects::key> changes = of_.take_changes();
  if (leads_.first == 0 || index < leads_.first) return;
  if (!std::exchange(is_set_, true)) {
    for (const auto& [key, one] : of_.timers()) set(self, key, true);
    for (const auto& [key, one] : of_.monitors()) set(self, key, true);
  } else {
    for (const group_effects::key key : changes) set(self, key, false);
  }
  pump(self);
  if (index <= leads_.carried) return;
  // Stored first, so that no message is sent twice: a crash in between loses messages.
  leads_.carried = index;
  progress_->carried.store(index, std::memory_order_relaxed);
  send(self, std::move(messages));
}

void effect_carrier::send(process& self, std::vector<group_effects::outgoing> messages) {
  for (const group_effects::outgoing& one : messages) {
    const auto to = read_destination(one.to.bytes(), self.host().nodes());
    if (!to) continue; // no room for the name of another node
    message term = message::copy_of(one.term.bytes());
    if (one.cast)
      gen::cast(self, *to, std::move(term), one.how);
    else
      self.send(*to, std::move(term), one.how);
    if (self.exiting()) return;
  }
}

// `again`: an earlier entry has set the timer or monitor. Otherwise the entry that was applied just now has.
void effect_carrier::set(process& self, group_effects::key of, bool again) {
  unset(self, of);
  if (group_effects::is_timer(of)) {
    const auto found = of_.timers().find(of);
    if (found != of_.timers().end()) set_timer(self, of, found->second, again);
  } else {
    const auto found = of_.monitors().find(of);
    if (found != of_.monitors().end()) set_monitor(self, of, found->second);
  }
}

// The leader that applies the entry counts from now on by its monotonic clock. A later leader computes by
// the wall clock how much time is left: nodes whose clocks differ make a timer late or early by the
// difference, but never later than if it were set anew.
void effect_carrier::set_timer(process& self, group_effects::key of, const group_effects::timer& one,
                               bool again) {
  std::int64_t left = one.span;
  if (again) {
    const std::int64_t now = std::max<std::int64_t>(base::wall_now(), of_.now());
    left = std::clamp<std::int64_t>(one.due > now ? one.due - now : 0, 0, one.span);
  }
  armed& made = armed_[of];
  if (left > std::numeric_limits<std::int64_t>::max() / 2) return; // more than a century
  message_writer out;
  out.tuple(3);
  out.atom(timer_word);
  out.unsigned_integer(of);
  out.unsigned_integer(one.fired);
  made.reminder = self.remind(self.now() + left, out.take());
}

void effect_carrier::set_monitor(process& self, group_effects::key of, const group_effects::monitor& one) {
  armed_[of] = {};
  runtime::reference made;
  if (const auto to = read_destination(one.whom.bytes(), self.host().nodes()))
    made = self.monitor(*to, runtime::monitor_options{});
  if (!made) { // no room for the name of another node
    const message reason = message::atom("noconnection");
    return down(of, one.whom.bytes(), reason.bytes());
  }
  armed_[of].monitor = made;
  by_reference_[made] = of;
}

void effect_carrier::unset(process& self, group_effects::key of) {
  const auto found = armed_.find(of);
  if (found == armed_.end()) return;
  const armed& was = found->second;
  if (was.what == step::told) --told_;
  if (was.reminder != 0) self.cancel_timer(was.reminder);
  if (was.monitor) {
    self.demonitor(was.monitor, true);
    by_reference_.erase(was.monitor);
  }
  armed_.erase(found);
}

void effect_carrier::unset_all(process& self) {
  while (!armed_.empty()) unset(self, armed_.begin()->first);
  queue_.clear();
  is_set_ = false;
}

bool effect_carrier::take(process& self, const message& m) {
  if (!self.origin().notice) return false;
  etf::cursor at(m.bytes());
  std::uint32_t arity = 0;
  if (!at.read_tuple(arity)) return false;
  if (arity == 3 && at.read_atom_is(timer_word)) {
    group_effects::key of = 0;
    std::uint64_t fired = 0;
    if (!at.read_unsigned(of) || !at.read_unsigned(fired)) return true;
    const auto found = armed_.find(of);
    const auto timer = of_.timers().find(of);
    // A reminder may be on its way while its timer is cancelled.
    if (found == armed_.end() || found->second.what != step::waits || timer == of_.timers().end() ||
        timer->second.fired != fired)
      return true;
    found->second.reminder = 0;
    etf::vector_writer out(64);
    group_effects::write_timer(out, of, fired);
    queue(of, out.take());
    pump(self);
    return true;
  }
  if (arity != 5 || !at.read_atom_is("DOWN")) return false;
  const auto ref = runtime::read_reference(at, self.host().nodes());
  const auto known = ref ? by_reference_.find(*ref) : by_reference_.end();
  if (known == by_reference_.end()) return false;
  const group_effects::key of = known->second;
  by_reference_.erase(known);
  etf::bytes whom;
  etf::bytes reason;
  const auto found = armed_.find(of);
  if (found == armed_.end() || !at.skip() || !at.read_term(whom) || !at.read_term(reason)) return true;
  found->second.monitor = {};
  down(of, whom, reason);
  pump(self);
  return true;
}

void effect_carrier::down(group_effects::key of, etf::bytes whom, etf::bytes reason) {
  etf::vector_writer out(128);
  group_effects::write_down(out, of, whom, reason);
  if (out.size() > leads_.most) {
    const message instead = message::atom("too_large");
    out.rewind();
    group_effects::write_down(out, of, whom, instead.bytes());
  }
  queue(of, out.take());
}

void effect_carrier::queue(group_effects::key of, std::vector<std::uint8_t> came) {
  armed& one = armed_[of];
  one.what = step::queued;
  one.came = std::move(came);
  queue_.push_back(of);
}

void effect_carrier::pump(process& self) {
  while (told_ < most_told && !queue_.empty()) {
    const group_effects::key of = queue_.front();
    queue_.pop_front();
    const auto found = armed_.find(of);
    if (found == armed_.end() || found->second.what != step::queued) continue; // it was cancelled meanwhile
    found->second.what = step::told;
    ++told_;
    const std::vector<std::uint8_t> came = std::exchange(found->second.came, {});
    came_(self, came);
  }
}

} // namespace coppice::behaviours::raft
