// SPDX-License-Identifier: MIT
// The group's counts, and the tasks that it gives to the workers. Each worker acts on the members that live
// there (gate.cpp).
#include "runtime/freezing/freeze_group.hpp"

#include "base/bound.hpp"
#include "runtime/freezing/membership.hpp"
#include "runtime/messages/delivery.hpp"

namespace coppice::runtime {
namespace {

const base::bound<std::size_t> made_at_once("runtime: members of a group that are frozen at once", 256);

} // namespace

freeze_group::freeze_group(system& of) : host(of), cells(of.workers()) {
  ++host.core().freezers;
}

freeze_group::~freeze_group() {
  --host.core().freezers;
}

void freeze_group::one_less() {
  std::uint64_t seen = open.load(std::memory_order_relaxed);
  std::uint64_t left = 0;
  do {
    left = seen - 1;
    if (left == 0 && still.load(std::memory_order_relaxed)) left = sealed;
  } while (!open.compare_exchange_weak(seen, left, std::memory_order_acq_rel, std::memory_order_relaxed));
  if ((left & ~sealed) != 0) return;
  const std::lock_guard guard(lock);
  changed.notify_all();
}

bool freeze_group::one_more() {
  std::uint64_t seen = open.load(std::memory_order_relaxed);
  while ((seen & sealed) == 0)
    if (open.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel, std::memory_order_relaxed))
      return true;
  return false;
}

bool freeze_group::holds_up(const pid& from) const {
  const std::lock_guard guard(lock);
  if (!from.here()) return nodes.contains(from.node);
  const auto found = by_pid.find(from);
  if (found == by_pid.end()) return between.contains(from);
  return !found->second->frozen.load(std::memory_order_acquire) && !found->second->gone;
}

bool freeze_group::goes_through(const pid& through) {
  const std::lock_guard guard(lock);
  if (!through.here()) return nodes.insert(through.node).second;
  return !by_pid.contains(through) && between.insert(through).second;
}

void freeze_group::did(cell& here, member& one) {
  one.round.store(here.now->round, std::memory_order_release);
  if (--here.behind == 0) one_less();
}

bool freeze_group::thaws(cell& here, member& one) {
  if (!one.frozen) return true;
  if (one.round == here.now->round) {
    if (here.behind == 0 && !one_more()) return false;
    ++here.behind;
    one.round = 0;
  }
  one.frozen = false;
  return true;
}

void freeze_group::lost(cell& here, member& one) {
  if (one.gone.exchange(true)) return;
  --here.alive;
  if (here.now != nullptr && one.round != here.now->round && --here.behind == 0) one_less();
}

void freeze_group::note_end_of_callback() {
  const base::nanos now = base::mono_now();
  base::nanos seen = last_callback.load(std::memory_order_relaxed);
  while (seen < now && !last_callback.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
  }
}

void freeze_group::make_members(std::span<member* const> who) {
  using some_members = std::vector<member*>;
  std::vector<some_members> portions(host.workers());
  const auto hand_over = [&](unsigned index) {
    some_members some = std::exchange(portions[index], {});
    if (some.empty()) return;
    worker& at = *host.core().workers[index];
    (void)at.post([group = shared_from_this(), &at, some = std::move(some)] {
      some_members elsewhere;
      for (member* one : some) {
        process_record* p = delivery::find(group->host, one->who);
        const bool here = p != nullptr && p->lives_on(&at);
        const bool being_spawned = here && p->mailbox.notified() && !p->started;
        if (here && !being_spawned && !p->schedule.arriving)
          at.gate_of().join(*p, group, *one);
        else
          elsewhere.push_back(one);
      }
      if (!elsewhere.empty()) group->make_members(elsewhere);
    });
  };
  for (member* one : who) {
    std::optional<unsigned> index;
    {
      const delivery::reading valid(host);
      const process_record* p = delivery::find(host, one->who);
      if (p != nullptr) index = p->schedule.home.load(std::memory_order_acquire)->index();
    }
    if (!index) {
      one->gone = true;
      one_less();
      continue;
    }
    portions[*index].push_back(one);
    if (portions[*index].size() == made_at_once) hand_over(*index);
  }
  for (unsigned index = 0; index < host.workers(); ++index) hand_over(index);
}

void freeze_group::give_order() {
  const order& what = orders.back();
  std::uint64_t seen = open;
  while (!open.compare_exchange_weak(seen, (seen & ~sealed) + host.workers())) {
  }
  for (const auto& one : host.core().workers) {
    worker& at = *one;
    const bool busy = at.look().who != nullptr;
    if (!at.post([group = shared_from_this(), &at, &what, busy] { at.gate_of().obey(group, what, busy); }))
      one_less();
  }
}

void freeze_group::disband() {
  for (const auto& one : host.core().workers)
    (void)one->post([group = shared_from_this(), &at = *one] {
      cell& here = group->cells[at.index()];
      for (const member* each : here.members) {
        if (each->gone) continue;
        process_record& p = *each->is;
        gate::leave(p);
        at.schedule(p);
      }
      here.now = nullptr;
    });
}

void freeze_group::look_everywhere() {
  for (const auto& one : host.core().workers)
    (void)one->post([group = shared_from_this(), &at = *one] {
      for (const member* each : group->cells[at.index()].mail) {
        if (each->gone) continue;
        each->part->look_again();
        at.schedule(*each->is);
      }
    });
}

void freeze_group::follow_calls(std::vector<pid> of) {
  {
    const std::lock_guard guard(lock);
    of.insert(of.end(), between.begin(), between.end());
  }
  for (const pid& one : of) {
    const delivery::reading valid(host);
    const process_record* p = delivery::find(host, one);
    if (p == nullptr) continue;
    worker& at = *p->schedule.home.load(std::memory_order_acquire);
    (void)at.post([group = shared_from_this(), &at, one] {
      process_record* const here = delivery::find(group->host, one);
      if (here != nullptr && here->lives_on(&at)) gate::follow(*here, *group);
    });
  }
}

} // namespace coppice::runtime
