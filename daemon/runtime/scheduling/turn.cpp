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

namespace coppice::runtime {
namespace {

constexpr base::nanos round_time = 250'000; // turns run this long before the loop is polled again
constexpr unsigned most_messages = 4;       // between two reads of the clock
constexpr unsigned most_turns = 8;
constexpr base::nanos quick = 20'000;  // for all messages or turns between two reads
constexpr unsigned most_in_a_row = 32; // turns handed on
constexpr base::nanos row_time = 20'000;
constexpr std::uint32_t warms_up = 64; // a measured turn is prepared so large a part of the gap before it
constexpr std::size_t most_of_an_atom = 255; // characters
constexpr std::array<std::uint8_t, 11> exception_atom{119, 9, 'e', 'x', 'c', 'e', 'p', 't', 'i', 'o', 'n'};
constexpr std::array<std::uint8_t, 4> ok_atom{119, 2, 'o', 'k'};
constexpr std::array<std::uint8_t, 8> ignore_atom{119, 6, 'i', 'g', 'n', 'o', 'r', 'e'};

void count_one(std::atomic<std::uint64_t>& single_writer) {
  single_writer.store(single_writer.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

} // namespace

void worker::runner(void*) {
  for (;;) run_turns();
}

// Runs turns until none is left or the round's time is up, then returns to the thread's own stack. While
// there is a freezer, also when a task waits, so that its members stand still at once.
void worker::run_turns() {
  worker* here = current();
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
  here->hands_on_ = false;
  fiber* mine = here->current_fiber_;
  mine->next = std::exchange(here->idle_runners_, mine);
  here->current_fiber_ = here->thread_stack_;
  mine->switch_to(*here->thread_stack_);
}

void worker::read_the_time(process_record& p, std::uint32_t looks) {
  looks_seen_ = looks;
  const bool is_measured = measure_.is_on();
  if (is_measured) [[unlikely]]
    measure_.end();
  const base::nanos before = now_;
  turn_ends_.looked(now() - before < quick, most_turns);
  const base::nanos held = now_ - turn_started_.load(std::memory_order_relaxed);
  note_longest(held);
  if (is_measured) [[unlikely]]
    charge_measured(p, held);
  else if (held >= slow_after_) [[unlikely]]
    charge_long_turn(p, held);
  if (held >= slow_after_) [[unlikely]]
    host_.core().watch->was_slow(*this, p, held);
}

class_tally& worker::tally_of(const process_record& p) {
  description is;
  base::contained("the description of a process", [&] { p.behaviour->describe(is); });
  return p.host().core().work.of(is);
}

void worker::count_noted(class_tally& in) {
  for (const message_times& one : measure_.noted()) {
    in.handled.add(one.handled);
    if (one.waited >= 0) in.waited.add(one.waited);
  }
  measure_.forget_noted();
}

// Two turns before the one that is drawn come here, too, or one: that which prepares it, and the one right
// before it, which rehearses it.
bool worker::begin_measure(const process_record& p) {
  bool is_drawn = until_measured_ == 0;
  bool rehearses = false;
  if (is_drawn && prepares_ahead_ != 0) {
    measure_.prepare();
    rehearses = prepares_ahead_ == 1;
    until_measured_ = rehearses ? 1 : prepares_ahead_ - 1;
    prepares_ahead_ = rehearses ? 0 : 1;
    is_drawn = false;
  }
  const std::uint32_t weight = sampler_.weight_of(p.turns_take, is_drawn);
  if (is_drawn) {
    const std::uint32_t gap = sampler_.next_gap(now());
    prepares_ahead_ = std::min(gap - 1, std::max(sampler_.one_in() / warms_up, 1U));
    until_measured_ = gap - prepares_ahead_;
  }
  if (weight == 0 && !rehearses) return false;
  turn_ends_.make_due(); // its end reads the clock, and finds it measured
  measure_.begin(weight, weight != 0 && p.turns_take != turn_sampler::length::brief);
  return true;
}

// A long turn that the watchdog saw counts once, measured or not; every other turn counts as often as it is
// improbable that it is measured. Whether the watchdog sees a turn does not depend on that. A rehearsal does
// not set `turns_take`: it comes before each turn that is drawn and before no other, and how often a turn is
// measured otherwise must not depend on whether it is drawn.
void worker::charge_measured(process_record& p, base::nanos held) {
  const bool is_seen = held >= slow_after_ && host_.core().watch->sight_of(*this).is_seen;
  charge(p, measure_.ran(), is_seen ? 1 : measure_.weight());
  if (is_seen || measure_.weight() != 0) p.turns_take = turn_sampler::length_of(held);
}

void worker::charge_long_turn(process_record& p, base::nanos held) {
  const watchdog::sight seen = host_.core().watch->sight_of(*this);
  if (!seen.is_seen) return;
  std::array<base::nanos, work_kinds> ran{};
  ran[static_cast<std::size_t>(seen.kind)] =
      std::clamp<base::nanos>(thread_time() - seen.ran_before, 0, held);
  charge(p, ran, 1);
  p.turns_take = turn_sampler::length::longest;
}

void worker::charge_stuck(process_record& p, work_kind kind, base::nanos ran) {
  std::array<base::nanos, work_kinds> all{};
  all[static_cast<std::size_t>(kind)] = ran;
  charge(p, all, 1);
  p.turns_take = turn_sampler::length::longest;
}

void worker::charge(process_record& p, const std::array<base::nanos, work_kinds>& ran, std::uint32_t weight) {
  base::contained("the measuring of a turn", [&] {
    class_tally& counts_in = tally_of(p);
    count_noted(counts_in);
    base::nanos all = 0;
    for (std::size_t kind = 0; kind < work_kinds; ++kind) {
      if (ran[kind] == 0) continue;
      counts_in.ran[kind].fetch_add(ran[kind] * weight, std::memory_order_relaxed);
      all += ran[kind] * weight;
    }
    if (!p.dead) p.add_time(all, sampler_);
  });
}

bool worker::turn_seems_long() {
  if (messages_.is_due()) {
    const base::nanos before = now_;
    messages_.looked(now() - before < quick, most_messages);
  }
  return now_ - turn_started_.load(std::memory_order_relaxed) > host_.options().turn_time;
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

// A handler that waits ends the measurement of this turn. It may go on on another worker, and in a turn that
// is not measured: its time still counts, and its processor time does as far as its turns are measured.
outcome worker::handle_measured(process_record& p, signal_ptr what) {
  turn_measure& measure = p.home().measure_;
  if (!measure.is_on()) return handle(p, std::move(what));
  const bool is_timed = what->kind == signal_kind::message && what->number != 0;
  const auto enqueued = static_cast<base::nanos>(what->number);
  const base::nanos begun = measure.turn_to(kind_of(*what));
  outcome decided = handle(p, std::move(what));
  worker& here = p.home();
  const base::nanos ended = here.measure_.look();
  here.measure_.note({ended - begun, is_timed ? std::max<base::nanos>(0, begun - enqueued) : -1});
  if (!here.measure_.is_on() || !here.measure_.has_room()) {
    base::contained("the measuring of messages", [&] { here.count_noted(tally_of(p)); });
    here.measure_.forget_noted();
    here.measure_.leave_out_since(ended);
  }
  return decided;
}

[[gnu::always_inline]] inline void worker::handle_messages(process_record& p, std::uint32_t budget,
                                                           bool measured) {
  if (!p.started && !begin(p)) [[unlikely]]
    return;
  for (std::uint32_t handled = 0; handled < budget && !gate::shuts_out(p); ++handled) {
    signal_ptr next = p.mailbox.next_message();
    if (next == nullptr) break;
    const outcome decided = measured ? handle_measured(p, std::move(next)) : handle(p, std::move(next));
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

void worker::handle_messages_measured(process_record& p, std::uint32_t budget) {
  if (!p.started) p.home().measure_.turn_to(work_kind::init);
  handle_messages(p, budget, true);
}

// Two processes that call each other get several turns in a row while their data is in the processor's
// caches. The other processes wait no longer than that.
bool worker::goes_on_in_row(const process_record& p) {
  if (std::exchange(handed_on_, nullptr) != &p) {
    in_a_row_ = 0;
    row_began_ = now_;
    return true;
  }
  return ++in_a_row_ < most_in_a_row && now_ - row_began_ < row_time;
}

// Returns the worker that goes on with this stack. A turn that is not measured pays for that with a decrement
// and three branches that are always predicted: `until_measured_` stands beside what the turn writes anyway,
// and `turns_take` beside the bits that it reads.
worker& worker::turn(process_record& p) {
  const bool is_drawn = --until_measured_ == 0;
  const bool is_measured = (is_drawn || p.turns_take != turn_sampler::length::brief) && begin_measure(p);
  count_one(turns_);
  turn_started_.store(now_, std::memory_order_relaxed);
  // If no other process waits, there is nothing to decide.
  hands_on_ = queue_.size() != 0 && goes_on_in_row(p);
  if (!p.finished) [[likely]] // else its ticket is drawn, and the watchdog may not find it any more
    set_running(&p);
  const bool parked = p.parked_on() != nullptr;
  if (!parked && !p.dead) [[likely]]
    p.set_status(process_status::running);
  if (p.mailbox.has_signals()) [[unlikely]]
    guarded(p, [&] { p.take_signals(); });
  if (parked) {
    if (p.waiting->ready) {
      fiber* mine = current_fiber_;
      mine->next = std::exchange(idle_runners_, mine);
      current_fiber_ = std::exchange(p.waiting->stack, nullptr);
      mine->switch_to(*current_fiber_);
      return *this; // as the runner of some later turn: `p` may have been freed
    }
  } else if (!p.finished) [[likely]] {
    if (gate::shuts_out(p)) [[unlikely]] {
      if (!p.dead) guarded(p, [&] { gate::hold(p); });
    } else if (is_measured) [[unlikely]] {
      guarded(p, [&] { handle_messages_measured(p, host_.options().turn_messages); });
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
  if (p.reclaimable) std::unique_ptr<process_record>(&p).reset();
}

fiber* worker::take_runner() {
  return std::exchange(idle_runners_, idle_runners_->next);
}

// A worker with a stack never lacks one: it has one more than its parked processes need. That one is made
// before the worker starts, kept when a process parks (can_park() comes first), and replaced when a handler
// that is stuck takes its stack along.
bool worker::needs_runner() {
  if (idle_runners_ != nullptr) return true;
  if (!make_runner()) return false;
  host_.core().stacks.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool worker::add_runner() {
  std::atomic<std::uint32_t>& all = host_.core().stacks;
  const std::uint32_t limit = host_.options().parked_stacks + host_.options().workers;
  if (all.fetch_add(1, std::memory_order_relaxed) >= limit && stacks_.size() >= 2) {
    all.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  if (make_runner()) return true;
  all.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

bool worker::make_runner() {
  auto made = fiber::make(host_.options().stack_bytes, &worker::runner, nullptr);
  if (!made) {
    if (!std::exchange(no_stack_, true)) // logged once, not for each process that gets none
      base::log::warning("runtime", "worker {} gets no stack for another parked process: {}", index_,
                         made.error().text);
    return false;
  }
  no_stack_ = false;
  idle_runners_ = made->get();
  own_stack(*made->release());
  return true;
}

void worker::own_stack(fiber& stack) {
  stack.place = stacks_.size();
  stacks_.emplace_back(&stack);
}

void worker::release_stack(fiber& stack) {
  stacks_.back()->place = stack.place;
  std::swap(stacks_[stack.place], stacks_.back());
  [[maybe_unused]] const fiber* released = stacks_.back().release();
  stacks_.pop_back();
}

void worker::park(process_record& p) {
  look_at_the_time(p);
  p.waiting->stack = current_fiber_;
  set_running(nullptr);
  count_parked(1);
  if (!p.dead) p.set_status(process_status::parked);
  fiber* mine = current_fiber_;
  current_fiber_ = take_runner();
  mine->switch_to(*current_fiber_);
  p.home().count_parked(-1);
  if (!p.dead) p.set_status(process_status::running);
}

void worker::yield(process_record& p) {
  queue_.push(&p, p.priority.load(std::memory_order_relaxed), true);
  park(p);
}

} // namespace coppice::runtime
