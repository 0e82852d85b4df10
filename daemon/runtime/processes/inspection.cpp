// SPDX-License-Identifier: MIT
// Copies of what processes publish. Nothing here waits for a worker: counters are read as they are, and
// tables under the spin lock of their process. The process may spin on that lock in its turn, so nothing is
// allocated under it: room is allocated before, of the size seen last, and again if that was not enough.
#include <algorithm>
#include <optional>

#include "runtime/attribution.hpp"
#include "runtime/find_processes.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/processes/inspection.hpp"

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

namespace {

// `read` copies under the lock if there is room, and returns nullopt; else it returns the room that
// `make_room` has to make.
template <class Read, class MakeRoom>
void copy_of(const relations& theirs, Read read, MakeRoom make_room) {
  for (;;) {
    const auto wanted = [&] {
      const std::lock_guard guard(theirs.lock);
      return read();
    }();
    if (!wanted) return;
    make_room(*wanted);
  }
}

// The values that `pick` makes of a table's entries; nullopt leaves an entry out. A Value may not allocate.
template <class Value, class Table, class Pick>
std::vector<Value> entries_of(const relations& theirs, Table& table, Pick pick) {
  std::vector<Value> room;
  std::size_t used = 0;
  const auto read = [&]() -> std::optional<std::size_t> {
    if (table.size() > room.size()) return table.size();
    table.for_each([&](const auto& key, auto& state) {
      if (const std::optional<Value> picked = pick(key, state)) room[used++] = *picked;
    });
    return std::nullopt;
  };
  // Writes to the memory, so that its pages are present.
  copy_of(theirs, read, [&](std::size_t wanted) { room.resize(wanted + wanted / 8); });
  room.resize(used);
  return room;
}

void copy_texts(const relations& theirs, std::string& name, std::string& label) {
  struct sizes {
    std::size_t name;
    std::size_t label;
  };
  const auto read = [&]() -> std::optional<sizes> {
    const sizes wanted{theirs.name.size(), theirs.label.size()};
    if (wanted.name > name.capacity() || wanted.label > label.capacity()) return wanted;
    name = theirs.name;
    label = theirs.label;
    return std::nullopt;
  };
  copy_of(theirs, read, [&](const sizes& wanted) {
    name.reserve(wanted.name);
    label.reserve(wanted.label);
  });
}

std::string path_of(const relations& theirs, const std::string& label) {
  std::string path;
  bool has_changed = false;
  const auto read = [&]() -> std::optional<std::size_t> {
    if (theirs.first_label == nullptr) return std::nullopt;
    if (theirs.first_label->size() > path.capacity()) return theirs.first_label->size();
    path = *theirs.first_label;
    has_changed = true;
    return std::nullopt;
  };
  copy_of(theirs, read, [&](std::size_t wanted) { path.reserve(wanted); });
  return has_changed ? path : label;
}

// The destination of a monitor that was not made for a pid. nullopt: the monitor has ended.
std::optional<destination> named_by(const relations& theirs, std::uint64_t number) {
  std::optional<destination> other; // a destination that is not a name
  std::string name;
  std::uint32_t node = 0;
  const auto read = [&]() -> std::optional<std::size_t> {
    const monitor_state* state = theirs.monitors.find(number);
    if (state == nullptr || state->by_name() == nullptr) return std::nullopt;
    const destination& to = *state->by_name();
    if (to.name().empty()) return other = to, std::nullopt;
    if (to.name().size() > name.capacity()) return to.name().size();
    name = to.name();
    node = to.node();
    return std::nullopt;
  };
  copy_of(theirs, read, [&](std::size_t wanted) { name.reserve(wanted); });
  return name.empty() ? other : destination::remote(std::move(name), node);
}

struct monitored {
  std::uint64_t number = 0;
  pid target;
  bool by_name = false;
};

} // namespace

process_summary summarise(const process_record& p) {
  process_summary seen;
  seen.pid = p.id();
  p.behaviour->describe(seen.is);
  seen.status = p.status.load(std::memory_order_relaxed);
  seen.messages = p.mailbox.messages();
  seen.message_bytes = p.mailbox.bytes();
  seen.reductions = p.reductions_done();
  seen.worker = p.home().index();
  seen.memory = sizeof(process_record) + seen.message_bytes;
  seen.ran = p.time_used();
  driver_pool& threads = p.host().core().drivers;
  if (threads.stuck() != 0) seen.ran += threads.time_stuck_in(seen.pid);
  if (const relations* theirs = p.published_relations()) {
    copy_texts(*theirs, seen.name, seen.label);
    seen.memory += sizeof(relations);
  }
  return seen;
}

process_info examine(const process_record& p) {
  process_info seen;
  seen.summary = summarise(p);
  seen.parent = p.parent();
  seen.priority = p.priority;
  seen.trap_exit = p.traps_exits;
  if (seen.summary.messages != 0) seen.oldest_message_age = p.mailbox.age_of_oldest();
  seen.dropped = p.mailbox.dropped();
  seen.group_leader = p.leader();
  const relations* theirs = p.published_relations();
  if (theirs == nullptr) return seen;
  seen.path = path_of(*theirs, seen.summary.label);
  seen.links = entries_of<pid>(*theirs, theirs->links, [](const pid& other, const link_state& state) {
    return state.unlinking == 0 ? std::optional(other) : std::nullopt;
  });
  const auto watched =
      entries_of<monitored>(*theirs, theirs->monitors, [](std::uint64_t number, const monitor_state& state) {
        return std::optional(monitored{number, state.target, state.by_name() != nullptr});
      });
  for (const monitored& one : watched) {
    if (!one.by_name)
      seen.monitors.emplace_back(one.target);
    else if (auto name = named_by(*theirs, one.number))
      seen.monitors.push_back(std::move(*name));
  }
  seen.monitored_by = entries_of<pid>(
      *theirs, theirs->watchers,
      [](const reference&, const watcher_state& state) { return std::optional(state.watcher); });
  return seen;
}

std::vector<process_summary> system::processes() const {
  std::vector<process_summary> all;
  const delivery::reading valid(*this);
  core_->table.for_each([&](const process_record& p) { all.push_back(summarise(p)); });
  return all;
}

std::uint32_t some_processes(const system& host, std::uint32_t first, std::uint32_t most,
                             std::vector<process_summary>& into) {
  const delivery::reading valid(host);
  return host.core().table.for_each_from(first, most,
                                         [&](const process_record& p) { into.push_back(summarise(p)); });
}

std::uint32_t some_pids(const system& host, std::uint32_t first, std::uint32_t most, std::vector<pid>& into) {
  const delivery::reading valid(host);
  return host.core().table.for_each_from(first, most,
                                         [&](const process_record& p) { into.push_back(p.self()); });
}

std::uint32_t some_of_application(const system& host, const pid& root, std::uint32_t first,
                                  std::uint32_t most, std::vector<pid>& into) {
  const own_pid wanted(root);
  const delivery::reading valid(host);
  return host.core().table.for_each_from(first, most, [&](const process_record& p) {
    const own_pid of = p.application_here;
    if (of && of.id == wanted.id && of.serial == wanted.serial) into.push_back(p.self());
  });
}

std::optional<mailbox_bounds> bounds_of(const system& host, const pid& who) {
  const delivery::reading valid(host);
  const process_record* const found = delivery::find(host, who);
  if (found == nullptr) return std::nullopt;
  const mailbox_load::bounds limits = found->mailbox.limits();
  return mailbox_bounds{limits.messages, limits.bytes, found->mailbox.policy()};
}

std::optional<process_kin> kin_of(const system& host, const pid& who) {
  const delivery::reading valid(host);
  const process_record* const found = delivery::find(host, who);
  if (found == nullptr) return std::nullopt;
  process_kin seen{found->parent(), {}};
  std::string label;
  if (const relations* theirs = found->published_relations()) copy_texts(*theirs, seen.name, label);
  return seen;
}

std::optional<bool> is_of_node(const system& host, const pid& who) {
  const delivery::reading valid(host);
  const process_record* const found = delivery::find(host, who);
  return found == nullptr ? std::nullopt : std::optional<bool>(found->of_node());
}

std::vector<pid> find_processes(const system& host, const std::function<bool(const behaviour&)>& wanted) {
  std::vector<pid> found;
  const delivery::reading valid(host);
  host.core().table.for_each([&](const process_record& p) {
    if (wanted(p.does())) found.push_back(p.self());
  });
  return found;
}

std::vector<std::string> registered_names(const system& host, std::size_t most,
                                          const std::function<void()>& between) {
  std::vector<std::string> all;
  for (names::place at; host.core().registered.some(at, most, all);) between();
  return all;
}

std::vector<message_age> message_ages(const system& host) {
  std::vector<message_age> ages;
  const delivery::reading valid(host);
  host.core().table.for_each([&](const process_record& p) {
    if (p.mailbox.messages() != 0) ages.push_back({p.self(), p.mailbox.age_of_oldest()});
  });
  return ages;
}

std::vector<full_mailbox> full_mailboxes(const system& host) {
  std::vector<full_mailbox> found;
  const delivery::reading valid(host);
  host.core().table.for_each([&](const process_record& p) {
    const std::uint64_t dropped = p.mailbox.dropped(), parked = p.mailbox.parked();
    if (dropped + parked != 0) found.push_back({summarise(p), dropped, parked});
  });
  return found;
}

std::optional<process_info> system::info(const pid& of) const {
  const delivery::reading valid(*this);
  const process_record* found = delivery::find(*this, of);
  if (found == nullptr) return std::nullopt;
  return examine(*found);
}

std::optional<process_info> system::info(std::string_view name) const {
  const auto of = whereis(name);
  return of ? info(*of) : std::nullopt;
}

std::vector<stuck_handler> stuck_handlers(const system& host) {
  std::vector<stuck_handler> all = host.core().drivers.stuck_in();
  std::ranges::sort(all, {}, &stuck_handler::since);
  return all;
}

std::vector<class_work> work_by_class(const system& host) {
  return host.core().work.read();
}

runtime_counters system::counters() const {
  runtime_counters seen;
  for (const auto& one : core_->workers) {
    seen.workers.push_back(one->info());
    seen.processes += seen.workers.back().processes;
    seen.spawned += one->spawned.load(std::memory_order_relaxed);
  }
  seen.spawned += core_->spawned.load(std::memory_order_relaxed);
  seen.dead_letters = core_->dead_letters.load(std::memory_order_relaxed);
  seen.dropped = core_->dropped.load(std::memory_order_relaxed);
  seen.parked = core_->parked.load(std::memory_order_relaxed);
  seen.malformed = core_->malformed.load(std::memory_order_relaxed);
  seen.lingering = core_->lingering.load(std::memory_order_relaxed);
  seen.abandoned_stacks = core_->abandoned.load(std::memory_order_relaxed);
  seen.message_memory = block_memory::in_use();
  seen.slow_handlers = core_->watch->slow_handlers();
  seen.taken_over = core_->watch->taken_over();
  seen.stuck_threads = core_->drivers.stuck();
  return seen;
}

} // namespace coppice::runtime
