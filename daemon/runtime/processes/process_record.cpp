// SPDX-License-Identifier: MIT
// The process record: its construction and end, its pid, group leader, label and references.
#include "runtime/processes/process_record.hpp"

#include "runtime/messages/delivery.hpp"

namespace coppice::runtime {

namespace {

// Processes that use the same slot one after the other begin to count at places far apart.
constexpr std::uint32_t count_step = 0x9E3779B1;

} // namespace

process_record::process_record(worker& home, bool notified, const pid& self,
                               std::unique_ptr<runtime::behaviour> does, const spawn_options& options)
    : priority(options.priority),
      traps_exits(options.trap_exit),
      mailbox(options.mailbox, notified),
      next_count(self.serial * count_step),
      schedule(home),
      behaviour(std::move(does)),
      received_calls(options.ack),
      self_here(self),
      compression(options.compression),
      parent_here(options.parent),
      application_here(options.application) {
  schedule.stays = options.worker >= 0;
  if (!options.label.empty()) needs_relations().label = options.label;
  if (options.of_node) needs_relations().of_node = true;
  if (!options.parent.here()) needs_relations().parent = options.parent;
  if (options.group_leader) needs_relations().group_leader = options.group_leader;
}

process_record::~process_record() {
  std::unique_ptr<runtime::relations>(relations_.load()).reset();
}

relations& process_record::needs_relations() {
  if (runtime::relations* there = related()) return *there;
  auto fresh = std::make_unique<runtime::relations>();
  relations_.store(fresh.get(), std::memory_order_release);
  return *fresh.release();
}

bool process_record::of_node() const {
  const relations* mine = published_relations();
  return mine != nullptr && mine->of_node;
}

pid process_record::leader() const {
  if (const relations* mine = published_relations()) {
    const std::lock_guard guard(mine->lock);
    if (mine->group_leader) return mine->group_leader;
  }
  system_core& core = host().core();
  const std::lock_guard guard(core.leader_lock);
  return core.default_leader;
}

std::uint64_t process_record::reductions_done() const {
  const runtime::relations* mine = published_relations();
  const std::uint64_t carried =
      mine == nullptr ? 0 : mine->carried_reductions.load(std::memory_order_acquire);
  return carried << 32 | reductions_done_.load(std::memory_order_relaxed);
}

void process_record::note_reductions(std::uint32_t count) {
  if (count > static_cast<std::uint32_t>(UINT16_MAX - reductions_this_turn)) {
    add_reductions(count - turn_reductions);
    count = turn_reductions;
    settle_reductions();
  }
  reductions_this_turn = static_cast<std::uint16_t>(reductions_this_turn + count);
}

std::uint64_t process_record::add_more_time(std::uint64_t units) {
  std::atomic<std::uint64_t>& more = needs_relations().ran;
  const std::uint64_t before = more.load(std::memory_order_relaxed);
  more.store(before + units, std::memory_order_relaxed);
  const std::uint64_t from = before + ran_.load(std::memory_order_relaxed) + phase();
  return (from + units) / full - from / full;
}

base::nanos process_record::time_used() const {
  const runtime::relations* const mine = published_relations();
  const std::uint64_t more = mine == nullptr ? 0 : mine->ran.load(std::memory_order_relaxed);
  return static_cast<base::nanos>((more + ran_.load(std::memory_order_relaxed)) * time_unit);
}

void process_record::carry_reductions() {
  needs_relations().carried_reductions.fetch_add(1, std::memory_order_release);
}

std::string_view process_record::label_in_crash() const {
  const runtime::relations* mine = related();
  if (mine == nullptr) return {};
  return mine->label.empty() ? mine->name : mine->label;
}

reference process_record::new_reference(std::uint64_t kind) {
  std::uint64_t number = new_number() | kind;
  while (is_in_use(number)) number = new_number() | kind;
  return reference_of(number);
}

bool process_record::is_in_use(std::uint64_t number) const {
  const runtime::relations* mine = related();
  return mine != nullptr && (mine->calls.find(number) != nullptr || mine->monitors.find(number) != nullptr ||
                             mine->aliases.find(number) != nullptr || mine->asked.find(number) != nullptr);
}

void process_record::used_up() {
  settle_reductions();
  if (home().running() == this) yield();
}

} // namespace coppice::runtime
