// SPDX-License-Identifier: MIT
// Making processes. The new process is in the table before its name is known and before its links and
// monitors can fire, and runs its first turn after all of that.
#include <algorithm>

#include "runtime/engine.hpp"

namespace coppice::runtime {
namespace {

// Beside its spawner: who works a lot is given to workers that have none (placement.cpp).
worker& place_for(const std::vector<std::unique_ptr<worker>>& workers, worker* here, int asked) {
  if (asked >= 0) return *workers[static_cast<std::size_t>(asked) % workers.size()];
  if (here != nullptr) return *here;
  const auto load = [](const auto& one) { return one->processes.load(std::memory_order_relaxed); };
  return **std::ranges::min_element(workers, {}, load);
}

worker* current_of(const system& host) {
  worker* const here = worker::current();
  return here != nullptr && &here->host() == &host ? here : nullptr;
}

} // namespace

pid engine::leader_of(const process& p) {
  if (const relations* mine = p.relations_.load(std::memory_order_acquire)) {
    const std::lock_guard guard(mine->lock);
    if (mine->group_leader) return mine->group_leader;
  }
  if (p.leader_) return {0, p.self_.creation, p.leader_.id, p.leader_.serial};
  system::parts& parts = *p.host().parts_;
  const std::lock_guard guard(parts.leader_lock);
  return parts.default_leader;
}

base::result<pid> engine::spawn(system& host, process* spawner, spawn_options options,
                                std::unique_ptr<behaviour> does) {
  system::parts& parts = *host.parts_;
  if (parts.stopping.load(std::memory_order_relaxed))
    return base::fail(base::errc::closed, "spawn: the node is stopping");
  worker* const here = current_of(host);
  process_table::magazine* const slots = here == nullptr ? nullptr : &here->slots;
  const auto key = parts.table.reserve(slots);
  if (!key)
    return base::fail(base::errc::limit, "spawn: there are " + std::to_string(host.options().processes) +
                                             " processes already (limits.processes)");
  const reading valid(host);
  const pid self{0, host.creation(), key->id, key->serial};
  worker& home = place_for(parts.workers, here, options.worker);
  const auto start = [&](process& fresh) {
    if (&home == here)
      home.schedule(fresh);
    else
      worker::announce(fresh, nullptr);
  };
  if (!options.parent && spawner != nullptr) options.parent = spawner->self_;
  if (!options.group_leader && spawner != nullptr) {
    const relations* theirs = spawner->relations_.load(std::memory_order_relaxed);
    if (theirs != nullptr) options.group_leader = theirs->group_leader;
    if (const own_pid leader = spawner->leader_; leader && !options.group_leader)
      options.group_leader = {0, host.creation(), leader.id, leader.serial};
  }
  std::unique_ptr<process> made(new process(home, &home != here, self, std::move(does), options));
  process& p = *made;
  home.processes.fetch_add(1, std::memory_order_relaxed);
  if (here != nullptr)
    here->spawned.store(here->spawned.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  else
    parts.spawned.fetch_add(1, std::memory_order_relaxed);
  parts.table.publish(*key, made.release()); // its first turn, or its last, owns it from here

  base::status named;
  if (!options.name.empty()) {
    named = parts.registered.add(options.name, self);
    const std::lock_guard guard(p.needs_relations().lock);
    if (named) p.needs_relations().name = options.name;
  }
  if (!named) {
    p.lingering_ = true; // the node does not stop before its last turn
    parts.lingering.fetch_add(1, std::memory_order_relaxed);
    parts.table.unlink(*key);
    parts.table.give_back(*key, slots);
    home.processes.fetch_sub(1, std::memory_order_relaxed);
    p.exiting_ = true;
    start(p);
    return tl::unexpected(std::move(named.error()).context("spawn"));
  }
  if (spawner != nullptr && options.link) {
    relations& theirs = spawner->needs_relations();
    relations& its = p.needs_relations();
    const std::scoped_lock guard(theirs.lock, its.lock);
    theirs.links[self] = {};
    its.links[spawner->self_] = {};
  }
  if (spawner != nullptr && options.monitor != nullptr) {
    *options.monitor = new_reference(*spawner);
    relations& theirs = spawner->needs_relations();
    relations& its = p.needs_relations();
    const std::scoped_lock guard(theirs.lock, its.lock);
    theirs.monitors[options.monitor->number()].target = self;
    its.watchers[*options.monitor] = {spawner->self_, false};
  }
  start(p);
  return self;
}

} // namespace coppice::runtime
