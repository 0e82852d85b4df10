// SPDX-License-Identifier: MIT
// See process_timers.hpp.
#include "runtime/scheduling/process_timers.hpp"

#include <algorithm>

#include "runtime/messages/delivery.hpp"
#include "runtime/processes/process_record.hpp"
#include "runtime/scheduling/worker.hpp"

namespace coppice::runtime {

// The worker's index makes an id unique on the node. The rest increases for each process, wherever it moves.
std::uint64_t process_timers::start(process_record& starter, std::unique_ptr<started_timer> fresh) {
  started_timer& one = *fresh;
  one.fire = &process_timers::fire;
  one.id = ++next_ << index_bits | index_;
  one.starter = &starter;
  std::unique_ptr<started_timers>& all = starter.needs_relations().timers;
  if (all == nullptr) all = std::make_unique<started_timers>();
  all->add(std::move(fresh));
  wheel_.start(one, one.deadline);
  return one.id;
}

std::unique_ptr<started_timer> process_timers::take(process_record& starter, std::uint64_t id) {
  started_timers* const all = starter.timers();
  if (all == nullptr) return nullptr;
  auto taken = all->take(id);
  if (all->size() == 0) starter.related()->timers.reset();
  return taken;
}

void process_timers::fire(timer& due) {
  auto& one = static_cast<started_timer&>(due);
  process_record& starter = *one.starter;
  const bool repeats = one.period != 0;
  std::unique_ptr<started_timer> ended;
  if (repeats)
    starter.home().timers().start(one, one.next_after(starter.home().recent()));
  else
    ended = take(starter, one.id);
  signal_ptr what =
      make_signal(signal_kind::message, starter.self(), repeats ? message(one.what) : std::move(one.what));
  what->flags = repeats ? signal::left_out : signal::unbounded;
  if (one.notice) what->flags |= signal::notice;
  if (!one.to.here()) starter.choose_compression(*what);
  delivery::dispatch(starter.host(), one.to, std::move(what), nullptr);
}

base::nanos process_timers::end(process_record& starter, std::uint64_t id) {
  const auto taken = take(starter, id);
  if (taken == nullptr) return -1;
  wheel_.cancel(*taken);
  return std::max<base::nanos>(0, taken->deadline - base::mono_now());
}

base::nanos process_timers::left(const process_record& starter, std::uint64_t id) {
  const started_timers* const all = starter.timers();
  const started_timer* found = all == nullptr ? nullptr : all->find(id);
  return found == nullptr ? -1 : std::max<base::nanos>(0, found->deadline - base::mono_now());
}

void process_timers::end_all(process_record& starter) {
  if (starter.timers() == nullptr) return;
  starter.timers()->cancel(wheel_);
  starter.related()->timers.reset();
}

void process_timers::let_go(const process_record& starter) {
  if (starter.timers() != nullptr) starter.timers()->cancel(wheel_);
}

// Timers that the process starts from now on need higher ids.
void process_timers::take_in(const process_record& starter) {
  if (starter.timers() != nullptr) next_ = std::max(next_, starter.timers()->start(wheel_) >> index_bits);
}

} // namespace coppice::runtime
