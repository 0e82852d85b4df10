// SPDX-License-Identifier: MIT
// See ended_processes.hpp.
#include "runtime/scheduling/ended_processes.hpp"

#include <atomic>
#include <memory>

#include "base/log.hpp"
#include "runtime/processes/process_record.hpp"
#include "runtime/system_core.hpp"

namespace coppice::runtime {

void ended_processes::linger_too_long(timer& due) {
  auto& one = static_cast<linger_timer&>(due);
  const process_record& late = *one.who;
  system& host = late.host();
  host.core().abandoned.fetch_add(1, std::memory_order_relaxed);
  one.counted = true;
  base::log::warning("runtime",
                     "{} is dead, but its handler has not returned in {} ms: its stack is given up",
                     to_text(late.self(), host.nodes()), host.options().linger / base::nanos_per_ms);
}

void ended_processes::expect_end_of(process_record& p) {
  linger_timer& one = lingering_[&p];
  one.who = &p;
  one.fire = &linger_too_long;
  timers_.start(one, base::mono_now() + host_.options().linger);
}

bool ended_processes::forget_lingering(process_record& p) {
  const auto found = lingering_.find(&p);
  if (found == lingering_.end()) return false;
  const bool counted = found->second.counted;
  timers_.cancel(found->second);
  lingering_.erase(found);
  return counted;
}

void ended_processes::retire(process_record& p) {
  retired_.push_back({host_.core().readers.ticket(), &p});
}

void ended_processes::reclaim() {
  if (retired_.empty()) return;
  const std::uint64_t safe = host_.core().readers.safe_until();
  while (!retired_.empty() && retired_.front().ticket <= safe) {
    process_record* done = retired_.front().who;
    retired_.pop_front();
    if (done->mailbox.idle() && !done->schedule.queued)
      std::unique_ptr<process_record>(done).reset();
    else
      done->schedule.freed_next = true; // one more turn of it is due, which frees it
  }
}

void ended_processes::free_all() {
  for (; !retired_.empty(); retired_.pop_front())
    std::unique_ptr<process_record>(retired_.front().who).reset();
}

} // namespace coppice::runtime
