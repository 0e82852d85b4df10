// SPDX-License-Identifier: MIT
// Sending to a bounded mailbox (messages/mailbox.hpp). If the mailbox is full and the sender may park, the
// sender leaves its message outside and a signal that says so, and sleeps. When a turn has made room, the
// owner lets in what waits outside, in order. A signal rather than a flag makes it certain that the owner
// looks after the message is there.
//
// Senders on other nodes cannot park. What they send to a full mailbox also waits outside, up to a number of
// bytes, so that a slow receiver does not delay a whole connection. The later signals of such a sender go
// there too, so that the order of each sender's signals is kept.
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::runtime::delivery {

namespace {

// Counts a refused message.
send_status refuse(process_record& to) {
  to.host().core().dropped.fetch_add(1, std::memory_order_relaxed);
  to.mailbox.count_dropped();
  return send_status::full;
}

send_status park_at(process_record& to, signal_ptr what, process_record& sender) {
  system& host = to.host();
  host.core().parked.fetch_add(1, std::memory_order_relaxed);
  to.mailbox.count_parked();
  wait parked;
  parked.number = sender.new_wait();
  parked.at = to.id();
  to.mailbox.needs_line().wait({sender.id(), parked.number}, std::move(what));
  push(to, make_signal(signal_kind::stop_waiting, {}));
  sender.wait_for(parked, base::mono_now() + host.options().park);
  if (parked.done || sender.dead) return send_status::ok;
  sender.waiting = &parked;
  const bool taken_back = sender.leave_line();
  sender.waiting = nullptr;
  if (!taken_back) return send_status::ok;
  host.core().dropped.fetch_add(1, std::memory_order_relaxed);
  return send_status::full;
}

// For a message from another node: puts it outside. False: more would wait than may.
bool overflow(worker* here, process_record& to, signal_ptr& what) {
  const auto looks = to.mailbox.needs_line().overflow(what, to.host().options().overflow);
  if (!looks) return false;
  // Else the owner knows of entries: while something waits, the mailbox is full, so a turn is to come, which
  // looks outside.
  if (*looks && to.mailbox.push_look_outside()) worker::notify(to, here);
  return true;
}

send_status send_to_full(worker* here, process_record& to, signal_ptr what, process_record* sender) {
  mailbox& box = to.mailbox;
  if ((what->flags & signal::left_out) != 0) return send_status::full;
  if ((what->flags & signal::remote) != 0 && box.policy() == on_full::park_sender)
    return overflow(here, to, what) ? send_status::ok : refuse(to);
  if (block_memory::scarce()) return refuse(to);
  switch (box.policy()) {
    case on_full::drop_old:
      if (!to.lives_on(here)) {
        push_newest(here, to, std::move(what));
      } else {
        to.take_pushed();
        box.count_anyway(what->weight);
        here->receive_here(to, std::move(what));
        to.drop_excess();
      }
      return send_status::ok;
    case on_full::exit:
      push(to, make_signal(signal_kind::overflow, what->from));
      return refuse(to);
    case on_full::drop_new:
      return refuse(to);
    case on_full::park_sender:
      break;
  }
  if (sender == nullptr || sender == &to || sender->dead || (what->flags & signal::no_wait) != 0 ||
      !sender->home().can_park())
    return refuse(to);
  return park_at(to, std::move(what), *sender);
}

} // namespace

// The sender of a dropped message is not told, unless it is a caller, which would wait in vain.
void drop(process_record& from, signal_ptr what) {
  refuse(from);
  if ((what->flags & signal::of_call) == 0) return;
  dispatch(from.host(), what->from,
           make_signal(signal_kind::down, from.id(), what->ref, reasons::mailbox_full()), nullptr);
}

// No guard against a process that has ended is needed: the number is unique to this wait.
void go_on(system& host, const waiting_line::sleeper& parked) {
  signal_ptr told = make_signal(signal_kind::stop_waiting, {});
  told->number = parked.number;
  deliver(host, parked.who, std::move(told), nullptr);
}

send_status send_bounded(process_record& to, signal_ptr what, process_record* sender) {
  const std::uint32_t weight = what->weight = mailbox::weight_of(what->payload());
  worker* const here = sender != nullptr ? &sender->home() : worker::current();
  what->number = static_cast<std::uint64_t>(here != nullptr ? here->recent() : base::mono_now());
  const bool ours = to.lives_on(here);
  mailbox& box = to.mailbox;
  if (box.policy() == on_full::drop_old && !ours) {
    // Under the line's lock until the message is in the inbox: messages that wait outside are not counted.
    bool was_idle = false;
    const bool fits = box.needs_line().if_empty([&] {
      if (!box.count(weight)) return false;
      was_idle = box.push(std::move(what));
      return true;
    });
    if (was_idle) worker::notify(to, here);
    if (fits) return send_status::ok;
  } else if (!box.others_wait() && (ours ? box.count_own(weight) : box.count(weight))) [[likely]] {
    const bool patient = sender != nullptr && (what->flags & (signal::of_call | signal::no_wait)) == 0;
    if (ours)
      here->receive_here(to, std::move(what));
    else
      push_from(here, to, std::move(what));
    if (patient) let_rest(to, *sender);
    return send_status::ok;
  }
  return send_to_full(here, to, std::move(what), sender);
}

bool follow_overflow(worker* here, process_record& to, signal_ptr& what) {
  const waiting_line* line = to.mailbox.line();
  if (line == nullptr || line->empty() || !line->has_overflow_of(what->from)) return false;
  // Between the two calls only the owner can take entries out; then the signal goes to the end of a line that
  // is empty or has only other senders' entries.
  return overflow(here, to, what);
}

void push_newest(worker* here, process_record& to, signal_ptr what) {
  signal_ptr dropped;
  const bool tell = to.mailbox.push_newest(std::move(what), dropped);
  if (dropped != nullptr) drop(to, std::move(dropped));
  if (tell) worker::notify(to, here);
}

} // namespace coppice::runtime::delivery
