// SPDX-License-Identifier: MIT
// Short mailboxes. What waits in a mailbox for long has left the processor's caches when it is handled: a
// sender that runs ahead of its receiver slows both. So who sends on and on to a process with much to do
// rests until half of that is done. Its messages are in the mailbox already and nobody waits behind it: this
// is no bound (bounded_sends.cpp), only courtesy, and it ends by itself after a moment. Whoever sends a
// message or two in a turn goes on in any case, and so does the sender of a call, who is about to wait for
// its answer.
//
// A receiver that handled nothing in that moment, though it had its turn, is stalled (it may be waiting for
// that very sender): nobody rests there until the turn has ended. Nor does a process rest at whose own
// mailbox others do: so no circle of processes rests on itself.
//
// Nobody rests in vain. The sender first is among those resting, then looks again how much waits; the
// receiver first takes messages out, then looks for who rests. Both with a full fence between.
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
