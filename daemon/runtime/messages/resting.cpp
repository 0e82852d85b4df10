// SPDX-License-Identifier: MIT
// Keeps mailboxes short. Messages that wait long have left the processor's caches when they are handled, so a
// sender that runs ahead of its receiver slows down both. A process that sends many messages in a turn to a
// process with a long mailbox therefore pauses ("rests") until half of these are handled. Its messages are in
// the mailbox already, and nothing waits behind them. This is no bound (see bounded_sends.cpp), and the pause
// ends by itself after a moment. A process that sends a message or two in a turn never pauses, nor does a
// caller, which is about to wait anyway.
//
// A receiver that handled nothing during the pause, though it had its turn, is stalled; it may be waiting for
// that sender. No sender pauses there until the turn has ended. A process at whose mailbox others pause does
// not pause either, so no circle of processes pauses on itself.
//
// No wake-up is lost. The sender first joins the pausing senders, then looks again at the number of messages.
// The receiver first takes messages out, then looks for pausing senders. Both have a full fence in between.
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::runtime::delivery {
namespace {

constexpr base::nanos a_moment = 2 * base::nanos_per_ms;

void note_stalled(const system& host, const pid& receiver, std::uint64_t reductions) {
  const reading valid(host);
  process_record* there = find(host, receiver);
  if (there != nullptr && there->status.load(std::memory_order_relaxed) != process_status::runnable &&
      there->reductions_done() == reductions)
    there->mailbox.needs_line().set_stalled(true);
}

} // namespace

void rest_at(process_record& to, process_record& sender) {
  const waiting_line* own = sender.mailbox.line();
  if (to.mailbox.policy() != on_full::park_sender || &to == &sender || sender.dead ||
      !sender.home().can_park() || (own != nullptr && own->anyone_rests()))
    return;
  waiting_line& line = to.mailbox.needs_line();
  if (line.stalled()) return;
  wait parked;
  parked.number = sender.new_wait();
  parked.at = to.id();
  if (!line.rest({sender.id(), parked.number})) return;
  const std::uint64_t before = to.reductions_done();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (to.mailbox.messages() > waiting_line::little) sender.wait_for(parked, base::mono_now() + a_moment);
  if (parked.done) return;
  sender.waiting = &parked;
  sender.leave_line();
  sender.waiting = nullptr;
  if (parked.timed_out) note_stalled(sender.host(), parked.at, before);
}

} // namespace coppice::runtime::delivery
