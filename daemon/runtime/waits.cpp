// SPDX-License-Identifier: MIT
// Parking: what a process does between asking to wait and going on. A wait ends when its signal came, its
// deadline passed or the process died; a wait that holds (a pool thread works on its stack) ends with its
// signal only.
#include "runtime/engine.hpp"

namespace coppice::runtime {
namespace {

void deadline_passed(timer& due) {
  auto& parked = static_cast<wait&>(due);
  parked.timed_out = true;
  parked.ready = true;
}

} // namespace

bool engine::wait_for(process& p, wait& what, base::nanos deadline) {
  what.who = &p;
  what.deadline = deadline;
  what.fire = [](timer& due) {
    deadline_passed(due);
    process& late = *static_cast<wait&>(due).who;
    late.home().schedule(late);
  };
  p.waiting_ = &what;
  bool has_stack = true;
  for (;;) {
    if (has_signals(p)) take_signals(p);
    if (what.ready || (p.exiting_ && !what.holds)) break;
    worker& here = p.home();
    if (deadline <= here.recent()) break;
    has_stack = here.can_park();
    if (!has_stack) break;
    if (p.crowd_.load(std::memory_order_relaxed) != nullptr) admit_crowd(p);
    if (p.pending_first_ != nullptr || !worker::rest(p)) continue;
    if (deadline != no_deadline) here.timers().start(what, deadline);
    here.park(p);
    break;
  }
  p.home().timers().cancel(what);
  p.waiting_ = nullptr;
  return has_stack;
}

void process::yield() {
  if (exiting_ || !home().can_park()) return;
  wait turn;
  turn.who = this;
  turn.ready = true;
  waiting_ = &turn;
  home().yield(*this);
  waiting_ = nullptr;
}

base::status process::blocking_run(std::function<void()> work) {
  if (exiting_) return base::fail(base::errc::closed, "blocking work: the process is exiting");
  if (!home().can_park()) return base::fail(base::errc::limit, "blocking work: no stack left to park on");
  wait parked;
  parked.number = ++next_number_;
  parked.holds = true;
  auto accepted = host().parts_->blocking.submit([this, number = parked.number, run = std::move(work)] {
    run();
    signal_ptr done = make_signal(signal_kind::stop_waiting, {});
    done->number = number;
    engine::push(*this, std::move(done));
  });
  if (!accepted) return accepted;
  while (!parked.done) engine::wait_for(*this, parked, no_deadline);
  if (exiting_) return base::fail(base::errc::closed, "blocking work: the process was killed meanwhile");
  return {};
}

} // namespace coppice::runtime
