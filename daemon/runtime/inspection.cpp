// SPDX-License-Identifier: MIT
// Copies of what processes publish. Nothing here waits for a worker: counters are read as they are, tables
// under the small lock of their process.
#include <algorithm>

#include "runtime/engine.hpp"
#include "runtime/find_processes.hpp"

namespace coppice::runtime {

std::string_view to_string(process_status status) {
  constexpr std::array<std::string_view, 6> words{"starting", "waiting", "runnable",
                                                  "running",  "parked",  "exiting"};
  return words[static_cast<std::size_t>(status)];
}

std::string_view to_string(priority of) {
  constexpr std::array<std::string_view, 4> words{"low", "normal", "high", "max"};
  return words[static_cast<std::size_t>(of)];
}

process_summary engine::summarise(const process& p) {
  process_summary seen;
  seen.pid = p.self_;
  p.behaviour_->describe(seen.is);
  seen.status = p.status_.load(std::memory_order_relaxed);
  seen.messages = p.load_.messages();
  seen.message_bytes = p.load_.bytes();
  seen.reductions = p.reductions_.load(std::memory_order_relaxed);
  seen.worker = p.home().index();
  seen.memory = sizeof(process) + seen.message_bytes;
  if (const relations* theirs = p.relations_.load(std::memory_order_acquire)) {
    const std::lock_guard guard(theirs->lock);
    seen.name = theirs->name;
    seen.label = theirs->label;
    seen.memory += sizeof(relations);
  }
  return seen;
}

base::nanos engine::age_of_oldest(const process& p) {
  const std::uint32_t sent = p.oldest_.load(std::memory_order_relaxed);
  if (sent == 0) return 0;
  const std::uint32_t age = coarse(static_cast<std::uint64_t>(base::mono_now())) - sent;
  return age > INT32_MAX ? 0 : static_cast<base::nanos>(age) << coarse_shift; // it was sent just now
}

process_info engine::examine(const process& p) {
  process_info seen;
  seen.summary = summarise(p);
  seen.parent = p.parent();
  seen.priority = p.priority_;
  seen.trap_exit = p.trap_exit_;
  if (seen.summary.messages != 0) seen.oldest_message_age = age_of_oldest(p);
  seen.dropped = p.dropped_.load(std::memory_order_relaxed);
  seen.group_leader = leader_of(p);
  relations* theirs = p.relations_.load(std::memory_order_acquire);
  if (theirs == nullptr) return seen;
  const std::lock_guard guard(theirs->lock);
  theirs->links.for_each([&](const pid& other, link_state& state) {
    if (state.unlinking == 0) seen.links.push_back(other);
  });
  theirs->monitors.for_each([&](std::uint64_t, monitor_state& state) {
    seen.monitors.push_back(state.by_name != nullptr ? *state.by_name : destination(state.target));
  });
  theirs->watchers.for_each(
      [&](const reference&, watcher_state& state) { seen.monitored_by.push_back(state.watcher); });
  return seen;
}

std::vector<process_summary> system::processes() const {
  std::vector<process_summary> all;
  const engine::reading valid(*this);
  parts_->table.for_each([&](const process& p) { all.push_back(engine::summarise(p)); });
  return all;
}

std::vector<pid> find_processes(const system& host, const std::function<bool(const behaviour&)>& wanted) {
  std::vector<pid> found;
  const engine::reading valid(host);
  engine::for_each(host, [&](const process& p) {
    if (wanted(p.does())) found.push_back(p.self());
  });
  return found;
}

std::optional<process_info> system::info(const pid& of) const {
  const engine::reading valid(*this);
  const process* found = engine::find(*this, of);
  if (found == nullptr) return std::nullopt;
  return engine::examine(*found);
}

std::optional<process_info> system::info(std::string_view name) const {
  const auto of = whereis(name);
  return of ? info(*of) : std::nullopt;
}

runtime_counters system::counters() const {
  runtime_counters seen;
  for (const auto& one : parts_->workers) {
    seen.workers.push_back(one->info());
    seen.processes += seen.workers.back().processes;
    seen.spawned += one->spawned.load(std::memory_order_relaxed);
  }
  seen.spawned += parts_->spawned.load(std::memory_order_relaxed);
  seen.dead_letters = parts_->dead_letters.load(std::memory_order_relaxed);
  seen.dropped = parts_->dropped.load(std::memory_order_relaxed);
  seen.malformed = parts_->malformed.load(std::memory_order_relaxed);
  seen.lingering = parts_->lingering.load(std::memory_order_relaxed);
  seen.abandoned_stacks = parts_->abandoned.load(std::memory_order_relaxed);
  seen.message_memory = block_memory::in_use();
  seen.slow_handlers = parts_->watch->slow_handlers();
  seen.taken_over = parts_->watch->taken_over();
  seen.stuck_threads = parts_->drivers.stuck();
  return seen;
}

} // namespace coppice::runtime
