// SPDX-License-Identifier: MIT
// Making processes. A new process is in the table before its name is registered and before its links and
// monitors can fire. Its first turn comes after all of that.
#include <algorithm>

#include "runtime/messages/delivery.hpp"
#include "runtime/processes/spawn.hpp"

namespace coppice::runtime {
namespace {

// On the spawner's worker. A worker with a backlog gives processes to idle ones (scheduling/placement.cpp).
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

base::result<pid> spawn(system& host, process_record* spawner, spawn_options&& options,
                        std::unique_ptr<behaviour> does) {
  system_core& core = host.core();
  // First the guard, then the look: stop() sets the flag, waits for guards, and only then ends processes.
  const delivery::reading valid(host);
  if (core.stopping.load(std::memory_order_seq_cst))
    return base::fail(base::errc::closed, "spawn: the node is stopping");
  worker* const here = current_of(host);
  process_table::slot_cache* const slots = here == nullptr ? nullptr : &here->slots;
  const auto key = core.table.reserve(slots);
  if (!key)
    return base::fail(base::errc::limit, "spawn: there are " + std::to_string(host.options().processes) +
                                             " processes already (limits.processes)");
  const pid self{0, host.creation(), key->id, key->serial};
  worker& home = place_for(core.workers, here, options.worker);
  const auto start = [&](process_record& fresh) {
    if (&home == here)
      home.schedule(fresh);
    else
      worker::notify(fresh, nullptr);
  };
  if (!options.parent && spawner != nullptr) options.parent = spawner->id();
  if (!options.group_leader && spawner != nullptr)
    if (const relations* theirs = spawner->related()) options.group_leader = theirs->group_leader;
  if (!options.application && spawner != nullptr && spawner->application_here)
    options.application = spawner->application_here.whole(host.creation());
  std::unique_ptr<process_record> made(
      new process_record(home, &home != here, self, std::move(does), options));
  process_record& p = *made;
  home.processes.fetch_add(1, std::memory_order_relaxed);
  if (here != nullptr)
    here->spawned.store(here->spawned.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  else
    core.spawned.fetch_add(1, std::memory_order_relaxed);
  core.table.publish(*key, made.release()); // from here on its first turn, or its last, owns it

  base::status named;
  if (!options.name.empty()) {
    named = core.registered.add(options.name, self);
    const std::lock_guard guard(p.needs_relations().lock);
    if (named) p.needs_relations().name = options.name;
  }
  if (!named) {
    p.lingering = true; // the node does not stop before its last turn
    core.lingering.fetch_add(1, std::memory_order_relaxed);
    core.table.unlink(*key);
    core.table.give_back(*key, slots);
    home.processes.fetch_sub(1, std::memory_order_relaxed);
    p.dead = true;
    start(p);
    return unexpected(std::move(named.error()).context("spawn"));
  }
  if (spawner != nullptr && options.link) {
    relations& theirs = spawner->needs_relations();
    relations& its = p.needs_relations();
    const std::scoped_lock guard(theirs.lock, its.lock);
    theirs.links[self] = {};
    its.links[spawner->id()] = {};
  }
  if (spawner != nullptr && options.monitor != nullptr) {
    *options.monitor = spawner->new_reference();
    relations& theirs = spawner->needs_relations();
    relations& its = p.needs_relations();
    const std::scoped_lock guard(theirs.lock, its.lock);
    theirs.monitors[options.monitor->number()].target = self;
    its.watchers[*options.monitor] = {spawner->id(), false};
  }
  start(p);
  return self;
}

} // namespace coppice::runtime
