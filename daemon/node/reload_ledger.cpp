// SPDX-License-Identifier: MIT
// See reload_ledger.hpp. No lock is held while a plugin's code runs.
#include "node/reload_ledger.hpp"

#include <fmt/format.h>

#include "loader/descriptor.hpp"

namespace coppice::node {

behaviours::reloadable* reloadable_of(runtime::process& self) {
  return dynamic_cast<behaviours::reloadable*>(&self.does());
}

void reload_ledger::add(std::span<const runtime::pid> who) {
  const std::lock_guard guard(lock_);
  for (const runtime::pid& one : who) rows_.emplace_back().pid = one;
}

void reload_ledger::look(runtime::process& self, std::size_t number, std::size_t most_bytes) {
  behaviours::reloadable* const actor = reloadable_of(self);
  if (actor == nullptr) return;
  const auto to = enter(number, actor->identity().plugin);
  if (!to) return;
  row& mine = *to->mine;
  mine.is = &actor->identity();
  mine.origin = actor->origin();
  auto saved = actor->save(self);
  if (!saved) return fail(mine, std::move(saved.error()));
  mine.has_state = bool{saved->term};
  if (bytes_ + saved->term.size() > most_bytes) return;
  bytes_ += saved->term.size();
  mine.saved = std::move(*saved);
}

void reload_ledger::carry(runtime::process& self, std::size_t number) {
  const base::nanos began = base::mono_now();
  behaviours::reloadable* const actor = reloadable_of(self);
  if (actor == nullptr || failed() != nullptr) return;
  const behaviours::actor_identity& is = actor->identity();
  const auto to = enter(number, is.plugin);
  if (!to) return;
  row& mine = *to->mine;
  mine.is = &is;
  mine.problem.reset();
  const coppice_actor_type* type = loader::find_actor(to->image->descriptor(), is.actor);
  if (type == nullptr)
    return fail(mine, {base::errc::refused, fmt::format("there is no actor type {} any more", is.actor)});
  const auto saved = actor->save(self);
  const base::nanos saved_at = base::mono_now();
  mine.save = saved_at - began;
  if (!saved) return fail(mine, saved.error());
  if (closed_) return;
  const auto restored = actor->prepare(self, *to->image, *type, *saved);
  mine.restore = base::mono_now() - saved_at;
  if (!restored) return fail(mine, restored.error());
  if (closed_) actor->stay(self);
}

void reload_ledger::fail(row& mine, base::error why) {
  const bool whole = why.code != base::errc::unsupported;
  mine.problem = std::move(why);
  const row* none = nullptr;
  if (whole) failed_.compare_exchange_strong(none, &mine, std::memory_order_acq_rel);
}

void reload_ledger::close() {
  const std::lock_guard guard(lock_);
  closed_ = true;
}

base::nanos reload_ledger::saving() const {
  base::nanos all = 0;
  for (const row& one : rows_) all += one.save;
  return all;
}

base::nanos reload_ledger::restoring() const {
  base::nanos all = 0;
  for (const row& one : rows_) all += one.restore;
  return all;
}

std::optional<reload_ledger::target> reload_ledger::enter(std::size_t number, const std::string& plugin) {
  const std::lock_guard guard(lock_);
  const auto found = next_.find(plugin);
  if (closed_ || found == next_.end()) return std::nullopt;
  loader::image& image = *found->second->mapped;
  return target{&rows_[number], behaviours::image_pin(image), &image};
}

} // namespace coppice::node
