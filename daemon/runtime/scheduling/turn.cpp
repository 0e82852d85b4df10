// SPDX-License-Identifier: MIT
// Turns: how a worker runs, parks and resumes processes on its runners' stacks. For its thread. A process is
// in exactly one state: unscheduled, in a run queue or on its way to one, or in a turn. A handler that waited
// may continue on another worker, so nothing here keeps a worker across a callback.
#include <algorithm>
#include <array>

#include "base/border.hpp"
#include "base/log.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/scheduling/runner_switch.hpp"

namespace coppice::runtime {

const base::bound<unsigned> turn_row::most("runtime: turns of a row", 32);

namespace {

constexpr base::nanos round_time = 250'000;  // turns run this long before the loop is polled again
constexpr std::size_t most_of_an_atom = 255; // characters
constexpr std::array<std::uint8_t, 11> exception_atom{119, 9, 'e', 'x', 'c', 'e', 'p', 't', 'i', 'o', 'n'};
constexpr std::array<std::uint8_t, 4> ok_atom{119, 2, 'o', 'k'};
constexpr std::array<std::uint8_t, 8> ignore_atom{119, 6, 'i', 'g', 'n', 'o', 'r', 'e'};

void count_one(std::atomic<std::uint64_t>& single_writer) {
  single_writer.store(single_writer.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

} // namespace

void worker::read_the_time(process_record& p, std::uint32_t looks) {
  const std::uint64_t counter = clock_.read_counter();
  const base::nanos now = clock_.recent();
  const turn_meter::turn_end how =
      meter_.at_end(counter, turn_started_.load(std::memory_order_relaxed), now, slow_after_, looks);
  note_longest(how.held);
  const base::nanos ran = meter_.end(p, how);
  if (how.is_slow) [[unlikely]] {
    watchdog& watch = *host_.core().watch;
    if (how.is_seen && !how.was_closely) turn_meter::count_kind(p, watch.told_of(*this), ran);
    watch.was_slow(*this, p, how.held);
  }
  meter_.choose_next(p, how, now);
}

bool worker::turn_seems_long() {
  return clock_.after_message() - turn_started_.load(std::memory_order_relaxed) > host_.options().turn_time;
}

bool worker::turn_is_long() {
  return now() - turn_started_.load(std::memory_order_relaxed) > host_.options().turn_time;
}

void worker::stop(process_record& p, const message& reason) {
  p.behaviour->terminate(p, reason);
  p.die(reason);
}

outcome worker::handle_asked(process_record& p, signal_ptr what) {
  const std::uint64_t number = what->ref.number();
  using kind = ask_result::kind;
  if (what->kind == signal_kind::io) return p.behaviour->receive_io(p);
  if (what->kind == signal_kind::parcel) {
    const bool returned = (what->flags & signal::returned) != 0;
    return returned ? p.behaviour->receive_returned(p, what->take_parcel())
                    : p.behaviour->receive_parcel(p, what->take_parcel());
  }
  if (what->kind == signal_kind::unanswered)
    return p.behaviour->receive_answer(p, number, {kind::down, consume(std::move(what))});
  if (what->kind == signal_kind::answered) {
    const bool acknowledged = (what->flags & signal::acknowledged) != 0;
    return p.behaviour->receive_answer(
        p, number, {acknowledged ? kind::acknowledged : kind::answer, consume(std::move(what))});
  }
  const call_id asker{what->from, number};
  outcome decided = p.behaviour->receive(p, consume(std::move(what)));
  if (!p.dead && !decided.stops()) p.acknowledge(asker);
  return decided;
}

[[gnu::always_inline]] inline outcome worker::handle(process_record& p, signal_ptr&& what) {
  p.origin_node = what->from.node;
  p.origin_notice = (what->flags & signal::notice) != 0;
  if ((what->flags & (signal::bare | signal::acknowledged)) == 0) [[likely]]
    return p.behaviour->receive(p, signal_access::consume(what.release()));
  if (what->kind != signal_kind::message || (what->flags & signal::acknowledged) != 0) [[unlikely]]
    return handle_asked(p, std::move(what));
  const call_id call{what->from, what->ref.number()};
  return p.behaviour->receive_call(p, call, signal_access::consume(what.release()));
}

// Calls init. False: the process is dead.
bool worker::begin(process_record& p) {
  outcome decided = p.behaviour->init(p);
  if (p.dead) return false;
  p.started = true;
  if (decided.stops()) {
    const bool ignored = decided.what() == outcome::kind::ignore;
    p.die(ignored ? reasons::normal() : decided.reason(),
          ignored ? message::immortal(ignore_atom) : error_message(decided.reason()));
    return false;
  }
  p.answer_ack(message::immortal(ok_atom));
  p.take_signals();
  return true;
}

// An exception ends the process for which it was thrown. die() is called outside the catch block, since what
// a death does may throw, too.
template <class Work>
[[gnu::always_inline]] inline void worker::guarded(process_record& p, Work&& work) {
  message reason;
  try {
    return work();
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (...) {
    reason = escaped(p);
  }
  base::contained("the death of a process", [&] { p.die(std::move(reason)); });
}

[[gnu::cold, gnu::noinline]] message worker::escaped(const process_record& p) noexcept {
  try {
    const base::caught_exception thrown = base::caught();
    description is;
    p.behaviour->describe(is);
    base::log::error("runtime", "{}{}{} let an exception out, and ends: {}{}{}",
                     to_text(p.self(), p.host().nodes()), is.actor.empty() ? "" : " ", is.actor, thrown.type,
                     thrown.what.empty() ? "" : ": ", thrown.what);
    message_writer out;
    out.tuple(3);
    out.atom("exception");
    out.atom(std::string_view(thrown.type).substr(0, most_of_an_atom));
    out.binary(thrown.what);
    return out.take();
  } catch (...) { // without memory
    return message::immortal(exception_atom);
  }
}

void worker::run_callbacks(process_record& p, std::uint32_t budget) {
  guarded(p, [&] { handle_messages(p, budget, false); });
}

// A handler that waits ends the look at this turn. It may go on on another worker, and in a turn that is not
// looked at closely: its time still counts.
outcome worker::handle_lapped(process_record& p, signal_ptr what) {
  turn_laps& laps = p.home().meter_.laps();
  if (!laps.is_on()) return handle(p, std::move(what));
  const bool is_timed = what->kind == signal_kind::message && what->number != 0;
  const auto enqueued = static_cast<base::nanos>(what->number);
  const base::nanos begun = laps.turn_to(kind_of(*what));
  outcome decided = handle(p, std::move(what));
  turn_meter& here = p.home().meter_;
  here.laps().note({base::mono_now() - begun, is_timed ? std::max<base::nanos>(0, begun - enqueued) : -1});
  if (!here.laps().is_on() || !here.laps().has_room()) here.count_noted(p);
  return decided;
}

[[gnu::always_inline]] inline void worker::handle_messages(process_record& p, std::uint32_t budget,
                                                           bool lapped) {
  if (!p.started && !begin(p)) [[unlikely]]
    return;
  for (std::uint32_t handled = 0; handled < budget && !gate::shuts_out(p); ++handled) {
    signal_ptr next = p.mailbox.next_message();
    if (next == nullptr) break;
    const outcome decided = lapped ? handle_lapped(p, std::move(next)) : handle(p, std::move(next));
    ++p.reductions_this_turn;
    if (p.dead) [[unlikely]]
      return;
    if (decided.stops()) [[unlikely]]
      return stop(p, decided.reason());
    if (p.mailbox.has_signals()) [[unlikely]]
      p.take_signals();
    if (!p.mailbox.has_messages() || p.reductions_this_turn >= turn_reductions || p.home().turn_seems_long())
      break;
  }
}

void worker::handle_messages_lapped(process_record& p, std::uint32_t budget) {
  if (!p.started) p.home().meter_.laps().turn_to(work_kind::init);
  handle_messages(p, budget, true);
}

// Returns the worker that goes on with this stack.
[[gnu::always_inline]] inline worker& worker::turn(process_record& p) {
  const bool is_lapped = meter_.begin(p);
  count_one(turns_);
  turn_started_.store(clock_.recent(), std::memory_order_relaxed);
  row_.begin(p, queue_.size() != 0, clock_.recent());
  if (!p.finished) [[likely]] // else its ticket is drawn, and the watchdog may not find it any more
    set_running(&p);
  const bool parked = p.parked_on() != nullptr;
  if (!parked && !p.dead) [[likely]]
    p.set_status(process_status::running);
  if (p.mailbox.has_signals()) [[unlikely]]
    guarded(p, [&] { p.take_signals(); });
  if (parked) {
    if (p.waiting->ready) {
      runners_.rest(*std::exchange(p.waiting->stack, nullptr));
      return *this; // as the runner of some later turn: `p` may have been freed
    }
  } else if (!p.finished) [[likely]] {
    if (gate::shuts_out(p)) [[unlikely]] {
      if (!p.dead) guarded(p, [&] { gate::hold(p); });
    } else if (is_lapped) [[unlikely]] {
      guarded(p, [&] { handle_messages_lapped(p, host_.options().turn_messages); });
    } else {
      guarded(p, [&] { handle_messages(p, host_.options().turn_messages, false); });
    }
    if (p.dead) [[unlikely]]
      base::contained("the end of a process", [&] { p.finish(); });
  }
  worker& here = p.home();
  here.look_at_the_time(p);
  here.end_turn(p);
  return here;
}

// Runs turns until none is left or the round's time is up, then returns to the thread's own stack. While
// there is a freezer, also when a task waits, so that its members stand still at once.
[[gnu::always_inline]] inline void worker::run_turns() {
  worker* here = current();
  here->meter_.begin_turns(here->clock_.counter());
  while (here->recent() - here->round_started_.load(std::memory_order_relaxed) < round_time) {
    const bool freezing = here->freezers_.load(std::memory_order_relaxed) != 0;
    process_record* next = nullptr;
    if (freezing) [[unlikely]]
      next = here->gate_.next_turn();
    else
      next = here->queue_.pop();
    if (next == nullptr) break;
    here = &here->turn(*next);
    if (freezing && !here->tasks_.empty()) break;
  }
  here->row_.end();
  here->runners_.rest(*here->runners_.thread());
}

// All of a turn but the callbacks is inlined here, see fiber_switch.hpp.
void worker::runner(void*) {
  for (;;) run_turns();
}

void worker::end_turn_with_more(process_record& p) {
  if (p.mailbox.has_line()) p.let_in();
  const bool parked = p.parked_on() != nullptr;
  bool more = parked ? p.waiting->ready : p.mailbox.has_messages();
  if (gate::shuts_out(p))
    more = gate::wants_turn(p, more);
  else
    p.set_status(parked ? p.waiting->shows : more ? process_status::runnable : process_status::waiting);
  if (more || p.mailbox.has_pending() || !rest(p)) {
    const bool busy = more && !parked;
    return queue_.push(&p, p.priority.load(std::memory_order_relaxed), busy);
  }
  if (p.schedule.freed_next) std::unique_ptr<process_record>(&p).reset();
}

void worker::park(process_record& p) {
  look_at_the_time(p);
  p.waiting->stack = runners_.present();
  set_running(nullptr);
  count_parked(1);
  if (!p.dead) p.set_status(process_status::parked);
  runners_.leave();
  p.home().count_parked(-1);
  if (!p.dead) p.set_status(process_status::running);
}

void worker::yield(process_record& p) {
  queue_.push(&p, p.priority.load(std::memory_order_relaxed), true);
  park(p);
}

} // namespace coppice::runtime
