// SPDX-License-Identifier: MIT
// Parking: the steps of a process from the beginning of a wait until it continues. A wait ends when its
// signal came, its deadline passed or the process died. A wait with `holds` (a thread of the pool uses its
// stack) ends only with its signal.
#include <cxxabi.h>

#include <exception>

#include "runtime/messages/delivery.hpp"

namespace coppice::runtime {
namespace {

void deadline_passed(timer& due) {
  auto& parked = static_cast<wait&>(due);
  parked.timed_out = true;
  parked.ready = true;
}

} // namespace

bool process_record::wait_for(wait& what, base::nanos deadline) {
  what.who = this;
  what.since = home().recent();
  what.deadline = deadline;
  what.fire = [](timer& due) {
    deadline_passed(due);
    process_record& late = *static_cast<wait&>(due).who;
    late.home().schedule(late);
  };
  waiting = &what;
  bool has_stack = true;
  for (;;) {
    if (mailbox.has_signals()) take_signals();
    if (what.ready || (dead && !what.holds)) break;
    if (mailbox.has_line()) let_in(); // the answer may have come, however late this wait begins
    if (mailbox.has_pending()) continue;
    worker& here = home();
    if (deadline <= here.recent()) break;
    has_stack = here.can_park(uses_reserve);
    if (!has_stack) break;
    if (!worker::rest(*this)) continue;
    if (deadline != no_deadline) here.timers().start(what, deadline);
    here.park(*this);
    break;
  }
  home().timers().cancel(what);
  waiting = nullptr;
  if (uses_reserve) home().give_back_reserve();
  return has_stack;
}

void process::yield() {
  process_record& me = record_of(*this);
  if (me.dead || !me.home().can_park()) return;
  wait turn;
  turn.who = &me;
  turn.ready = true;
  me.waiting = &turn;
  me.home().yield(me);
  me.waiting = nullptr;
}

void process::give_up_stack() {
  process_record& me = record_of(*this);
  if (!me.dead) return;
  system_core& core = host().core();
  if (!me.home().ended().forget_lingering(me)) core.abandoned.fetch_add(1, std::memory_order_relaxed);
  if (me.lingering) core.lingering.fetch_sub(1, std::memory_order_relaxed);
  me.lingering = false;
  {
    const std::lock_guard guard(core.given_up_lock);
    core.given_up.push_back(&me);
  }
  wait for_ever;
  for_ever.holds = true;
  for_ever.shows = process_status::exiting;
  while (me.wait_for(for_ever, no_deadline)) {
  }
}

base::status process::blocking_run(std::function<void()> work) {
  process_record& me = record_of(*this);
  if (me.dead) return base::fail(base::errc::closed, "blocking work: the process is exiting");
  if (!me.home().can_park()) return base::fail(base::errc::limit, "blocking work: no stack left to park on");
  wait parked;
  parked.number = me.new_wait();
  parked.holds = true;
  // Made before the work begins: the process waits for it, whatever becomes of the work and of memory.
  signal_ptr told = make_signal(signal_kind::stop_waiting, {});
  told->number = parked.number;
  const auto thrown = std::make_shared<std::exception_ptr>();
  auto accepted = host().core().blocking.submit(
      [&me, thrown, done = std::make_shared<signal_ptr>(std::move(told)), run = std::move(work)] {
        try {
          run();
        } catch (const abi::__forced_unwind&) {
          throw;
        } catch (...) {
          *thrown = std::current_exception();
        }
        delivery::push(me, std::move(*done));
      });
  if (!accepted) return accepted;
  while (!parked.done) me.wait_for(parked, no_deadline);
  if (*thrown) std::rethrow_exception(*thrown);
  if (me.dead) return base::fail(base::errc::closed, "blocking work: the process was killed meanwhile");
  return {};
}

} // namespace coppice::runtime
