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
constexpr std::uint32_t most_turns = 16;
constexpr base::nanos quick = 20'000;          // for all messages between two reads
constexpr std::uint64_t quick_counts = 40'000; // of turn_counter(), for all turns between two reads
constexpr base::nanos long_turn = 50'000;      // a process with such turns has all of them measured
constexpr double forgets_long = 1.0 / 32;      // so probable after each brief turn
constexpr unsigned most_in_a_row = 32;         // turns handed on
constexpr base::nanos row_time = 20'000;
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
  here->clock_.leave_out_until(here->looked_at_);
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

// The next turn to be measured is drawn by chance, see turn_sampler.hpp. Between two measured turns the clock
// is read at times, so that the beginning of a turn is not known too wrongly.
void worker::read_the_time(process_record& p, std::uint32_t looks) {
  const bool is_seen = std::exchange(looks_seen_, looks) != looks;
  const std::uint64_t counter = read_counter();
  const base::nanos held = now_ - turn_started_.load(std::memory_order_relaxed);
  note_longest(held);
  const bool is_slow = held >= slow_after_;
  const bool was_measured = clock_.is_on();
  const bool was_lapped = laps_.is_on();
  const bool was_due = turns_left_ == 0;
  base::nanos ran = 0;
  if (was_measured) ran = charge_measured(p, counter, is_slow && is_seen);
  if (is_slow) [[unlikely]] {
    if (is_seen && !was_measured) ran = charge_seen(p, held);
    if (is_seen && !was_lapped) count_kind(p, host_.core().watch->told_of(*this), ran);
    host_.core().watch->was_slow(*this, p, held);
  }
  if (was_lapped) [[unlikely]]
    end_laps(p);
  if (was_measured && !was_lapped && --until_lapped_ == 0) [[unlikely]]
    return lap_next();
  const bool was_quick = counter - std::exchange(turn_ended_at_, counter) < quick_counts;
  const bool is_in_gap = !was_measured && was_due && was_quick;
  const std::uint32_t gap = is_in_gap ? gap_left_ : sampler_.next_gap(counter);
  if (gap == 1) return measure_next(turn_counter(), sampler_.one_in());
  turns_left_ = std::min(gap - 1, most_turns);
  gap_left_ = gap - turns_left_;
}

base::nanos worker::charge_measured(process_record& p, std::uint64_t counter, bool counts_once) {
  const std::uint32_t weight = counts_once ? 1 : clock_.weight();
  const base::nanos ran = clock_.end(counter);
  if (ran >= long_turn) [[unlikely]]
    p.turns_take = turn_length::is_long;
  else if (p.turns_take != turn_length::brief) [[unlikely]]
    p.turns_take = sampler_.chance(forgets_long) ? turn_length::brief : turn_length::was_long;
  charge(p, ran * weight);
  return ran;
}

// A turn that the watchdog saw counts once, measured or not: whether it looks does not depend on that.
base::nanos worker::charge_seen(process_record& p, base::nanos held) {
  const base::nanos since = turn_started_.load(std::memory_order_relaxed);
  const base::nanos ran = std::clamp<base::nanos>(thread_time() - clock_.used_at(since), 0, held);
  p.turns_take = turn_length::is_long;
  charge(p, ran);
  return ran;
}

void worker::charge_stuck(process_record& p, work_kind kind, base::nanos ran) {
  count_kind(p, kind, ran);
  p.turns_take = turn_length::is_long;
  charge(p, ran);
}

void worker::charge(process_record& p, base::nanos ran) {
  uncharged_ += static_cast<std::uint64_t>(ran);
  const std::uint64_t units = uncharged_ / process_record::time_unit;
  uncharged_ %= process_record::time_unit;
  std::uint64_t full = 0;
  base::contained("the processor time of a process", [&] { full = p.add_time(units); });
  if (full != 0) [[unlikely]]
    charge_class(p, static_cast<base::nanos>(full * process_record::full * process_record::time_unit));
}

class_tally& worker::tally_of(const process_record& p) {
  description is;
  base::contained("the description of a process", [&] { p.behaviour->describe(is); });
  return p.host().core().work.of(is);
}

void worker::charge_class(const process_record& p, base::nanos ran) {
  base::contained("the processor time of a class", [&] { tally_of(p).charge(ran); });
}

void worker::count_kind(const process_record& p, work_kind kind, base::nanos ran) {
  base::contained("the processor time of a callback", [&] { tally_of(p).saw(kind, ran); });
}

// A turn that is looked at closely pays for that. So it counts once, as a turn of its own beside those that
// stand for others.
void worker::lap_next() {
  lap_weight_ = lap_sampler_.one_in() * sampler_.one_in();
  until_lapped_ = lap_sampler_.next_gap(static_cast<std::uint64_t>(now_));
  laps_next_ = true;
  measure_next(turn_counter(), 1);
}

bool worker::begin_measured(const process_record& p) {
  const bool is_drawn = std::exchange(laps_next_, false);
  if (p.turns_take != turn_length::brief) measure_next(turn_counter(), 1);
  if (!is_drawn && p.turns_take != turn_length::is_long) return false;
  laps_.begin(p.turns_take == turn_length::is_long ? 1 : lap_weight_);
  return true;
}

void worker::end_laps(const process_record& p) {
  laps_.end();
  base::contained("the measuring of a turn", [&] {
    class_tally& in = tally_of(p);
    for (std::size_t kind = 0; kind < work_kinds; ++kind)
      if (laps_.took()[kind] != 0) in.saw(static_cast<work_kind>(kind), laps_.took()[kind]);
  });
  count_noted(p);
}

void worker::count_noted(const process_record& p) {
  base::contained("the measuring of messages", [&] {
    if (laps_.noted().empty()) return;
    class_tally& in = tally_of(p);
    for (const message_times& one : laps_.noted()) {
      in.handled.add(one.handled);
      if (one.waited >= 0) in.waited.add(one.waited);
    }
  });
  laps_.forget_noted();
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

// A handler that waits ends the look at this turn. It may go on on another worker, and in a turn that is not
// looked at closely: its time still counts.
outcome worker::handle_lapped(process_record& p, signal_ptr what) {
  turn_laps& laps = p.home().laps_;
  if (!laps.is_on()) return handle(p, std::move(what));
  const bool is_timed = what->kind == signal_kind::message && what->number != 0;
  const auto enqueued = static_cast<base::nanos>(what->number);
  const base::nanos begun = laps.turn_to(kind_of(*what));
  outcome decided = handle(p, std::move(what));
  worker& here = p.home();
  here.laps_.note({base::mono_now() - begun, is_timed ? std::max<base::nanos>(0, begun - enqueued) : -1});
  if (!here.laps_.is_on() || !here.laps_.has_room()) here.count_noted(p);
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
  if (!p.started) p.home().laps_.turn_to(work_kind::init);
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

// Returns the worker that goes on with this stack.
worker& worker::turn(process_record& p) {
  const bool is_lapped = (laps_next_ || p.turns_take != turn_length::brief) && begin_measured(p);
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
