// SPDX-License-Identifier: MIT
// What the owner of a full mailbox does: it lets in what waits outside, drops old messages, wakes senders
// that pause, and at its death tells all of them. Also: a process gives up its own place in another's line.
// How senders get there: messages/bounded_sends.cpp and messages/resting.cpp.
#include "runtime/kept_messages.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::runtime {

void process_record::drop_excess() {
  signal_list excess = mailbox.take_excess();
  while (signal_ptr one = excess.pop_front()) {
    if ((one->flags & signal::of_call) != 0) forget_caller(one->ref);
    delivery::drop(*this, std::move(one));
  }
}

// The earlier messages of the first sender in the line are or were in the inbox: they are taken first, and
// the entry goes behind them. All of this happens under the line's lock, so that nothing that a remote sender
// sends on seeing the line empty comes before its earlier signals.
// An answer that the process waits for enters first, whatever the bound: while the process waits, it makes no
// room for the signals before the answer.
void process_record::let_in() {
  waiting_line* line = mailbox.line();
  if (line == nullptr || dead || mailbox.policy() == on_full::drop_old) return;
  wake_resting(*line);
  const auto take_pushed_first = [&] { mailbox.take_pushed(); };
  constexpr std::uint64_t no_call = UINT64_MAX;
  const std::uint64_t its_call = waiting == nullptr || waiting->ready ? no_call : waiting->number;
  if (signal_ptr answer = line->take_end_of_call(its_call, take_pushed_first)) {
    mailbox.count_anyway(answer->weight);
    mailbox.add_pending(std::move(answer));
  }
  const auto enters = [&](const signal& one) { return mailbox.let_in(one.weight); };
  while (auto first = line->take_first(enters, take_pushed_first)) {
    mailbox.add_pending(std::move(first->what));
    if (first->sender.who) delivery::go_on(host(), first->sender);
  }
}

bool process_record::leave_line() {
  if (waiting == nullptr || !waiting->at) return false;
  const delivery::reading valid(host());
  process_record* receiver = delivery::find(host(), waiting->at);
  waiting_line* line = receiver == nullptr ? nullptr : receiver->mailbox.line();
  return line != nullptr && line->leave({id(), waiting->number}) == waiting_line::left::message;
}

void process_record::send_away_those_outside() {
  waiting_line* line = mailbox.line();
  if (line == nullptr) return;
  auto [all, resting] = line->take_all();
  for (waiting_line::entry& one : all) {
    delivery::answer_for_missing(host(), id(), std::move(one.what), reasons::noproc());
    if (one.sender.who) delivery::go_on(host(), one.sender);
  }
  for (const waiting_line::sleeper& one : resting) delivery::go_on(host(), one);
}

void process_record::wake_resting(waiting_line& line) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  line.set_stalled(false);
  if (!line.anyone_rests() || mailbox.messages() > waiting_line::little) return;
  for (const waiting_line::sleeper& one : line.take_resting()) delivery::go_on(host(), one);
}

void count_kept(process& self, std::uint32_t messages) {
  record_of(self).mailbox.keep(messages);
}

void count_released(process& self, std::uint32_t messages) {
  record_of(self).mailbox.release(messages);
}

} // namespace coppice::runtime
