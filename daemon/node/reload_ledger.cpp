// SPDX-License-Identifier: MIT
// See reload_ledger.hpp. No lock is held while a plugin's code runs.
#include "node/reload_ledger.hpp"

#include <fmt/format.h>

#include "loader/descriptor.hpp"

namespace coppice::node {

behaviours::reloadable* reloadable_of(runtime::process& self) {
  return dynamic_cast<behaviours::reloadable*>(&self.does());
}

reload_ledger::row& reload_ledger::note(runtime::process& self, const behaviours::reloadable& of) {
  row& mine = rows_[self.self()];
  mine.pid = self.self();
  mine.is = of.identity();
  return mine;
}

void reload_ledger::look(runtime::process& self, std::size_t most_bytes) {
  behaviours::reloadable* const actor = reloadable_of(self);
  if (actor == nullptr || !open()) return;
  auto saved = actor->save(self);
  const std::lock_guard guard(lock_);
  row& mine = note(self, *actor);
  mine.origin = actor->origin();
  if (!saved) {
    mine.problem = std::move(saved.error());
    if (mine.problem->code != base::errc::unsupported && !failed_) failed_ = mine.pid;
    return;
  }
  mine.has_state = bool{saved->term};
  if (bytes_ + saved->term.size() > most_bytes) return;
  bytes_ += saved->term.size();
  mine.saved = std::move(*saved);
}

void reload_ledger::carry(runtime::process& self) {
  behaviours::reloadable* const actor = reloadable_of(self);
  if (actor == nullptr) return;
  const auto to = enter(actor->identity().plugin);
  if (!to) return;
  const auto problem = [&](base::error why) {
    const std::lock_guard guard(lock_);
    row& mine = note(self, *actor);
    if (why.code != base::errc::unsupported && !failed_) failed_ = mine.pid;
    mine.problem = std::move(why);
  };
  const coppice_actor_type* type = loader::find_actor(to->image->descriptor(), actor->identity().actor);
  if (type == nullptr)
    return problem(
        {base::errc::refused, fmt::format("there is no actor type {} any more", actor->identity().actor)});
  const base::nanos began = base::mono_now();
  const auto saved = actor->save(self);
  const base::nanos saved_at = base::mono_now();
  save_ += saved_at - began;
  if (!saved) return problem(saved.error());
  if (!open()) return;
  const auto restored = actor->prepare(self, *to->image, *type, *saved);
  restore_ += base::mono_now() - saved_at;
  if (!restored) return problem(restored.error());
  if (open()) {
    const std::lock_guard guard(lock_);
    note(self, *actor);
  } else {
    actor->stay(self);
  }
}

void reload_ledger::close() {
  const std::lock_guard guard(lock_);
  closed_ = true;
}

bool reload_ledger::open() const {
  const std::lock_guard guard(lock_);
  return !closed_;
}

std::vector<reload_ledger::row> reload_ledger::rows() const {
  std::vector<row> out;
  const std::lock_guard guard(lock_);
  for (const auto& [who, one] : rows_) out.push_back(one);
  return out;
}

std::optional<reload_ledger::row> reload_ledger::failed() const {
  const std::lock_guard guard(lock_);
  if (!failed_) return std::nullopt;
  return rows_.at(*failed_);
}

std::optional<reload_ledger::target> reload_ledger::enter(const std::string& plugin) const {
  const std::lock_guard guard(lock_);
  const auto found = next_.find(plugin);
  if (closed_ || found == next_.end()) return std::nullopt;
  loader::image& image = *found->second->mapped;
  return target{behaviours::image_pin(image), &image};
}

} // namespace coppice::node
