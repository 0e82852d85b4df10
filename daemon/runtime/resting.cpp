// SPDX-License-Identifier: MIT
// Short mailboxes. What waits in a mailbox for long has left the processor's caches when it is handled: a
// sender that runs ahead of its receiver slows both. So who sends on and on to a process with much to do
// rests until half of that is done. Its messages are in the mailbox already and nobody waits behind it: this
// is no bound (bounds.cpp), only courtesy, and it ends by itself after a moment. Whoever sends a message or
// two in a turn goes on in any case, and so does the sender of a call, who is about to wait for its answer.
//
// A receiver that handled nothing in that moment, though it had its turn, is stalled (it may be waiting for
// that very sender): nobody rests there until the turn has ended. Nor does a process rest at whose own
// mailbox others do: so no circle of processes rests on itself.
//
// Nobody rests in vain. The sender first is among those resting, then looks again how much waits; the
// receiver first takes messages out, then looks for who rests. Both with a full fence between.
#include "runtime/engine.hpp"

namespace coppice::runtime {
namespace {

constexpr std::size_t most_resting = 64; // at one process: each has a stack
constexpr base::nanos a_moment = 2 * base::nanos_per_ms;

} // namespace

void engine::rest_at(process& to, process& sender) {
  const crowd* own = sender.crowd_.load(std::memory_order_acquire);
  if (to.on_full_ != on_full::park_sender || &to == &sender || sender.exiting_ || !sender.home().can_park() ||
      (own != nullptr && own->rests.load(std::memory_order_relaxed)))
    return;
  crowd& line = crowd_of(to);
  if (line.stalled.load(std::memory_order_relaxed)) return;
  wait parked;
  parked.number = ++sender.next_number_;
  parked.at = to.self_;
  {
    const std::lock_guard guard(line.lock);
    if (line.resting.size() >= most_resting) return;
    line.resting.push_back({sender.self_, parked.number});
    line.rests.store(true, std::memory_order_relaxed);
  }
  const std::uint64_t before = to.reductions_.load(std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (to.load_.messages() > little) wait_for(sender, parked, base::mono_now() + a_moment);
  if (parked.done) return;
  sender.waiting_ = &parked;
  leave_crowd(sender);
  sender.waiting_ = nullptr;
  if (parked.timed_out) note_stalled(sender.host(), parked.at, before);
}

void engine::note_stalled(const system& host, const pid& receiver, std::uint64_t reductions) {
  const reading valid(host);
  process* there = find(host, receiver);
  if (there != nullptr && there->status_.load(std::memory_order_relaxed) != process_status::runnable &&
      there->reductions_.load(std::memory_order_relaxed) == reductions)
    crowd_of(*there).stalled.store(true, std::memory_order_relaxed);
}

void engine::wake_resting(process& p, crowd& line) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  line.stalled.store(false, std::memory_order_relaxed);
  if (!line.rests.load(std::memory_order_relaxed) || p.load_.messages() > little) return;
  std::vector<crowd::rester> all;
  {
    const std::lock_guard guard(line.lock);
    all.swap(line.resting);
    line.rests.store(false, std::memory_order_relaxed);
  }
  for (const crowd::rester& one : all) go_on(p.host(), one.who, one.wait_number);
}

} // namespace coppice::runtime
