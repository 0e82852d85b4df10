// SPDX-License-Identifier: MIT
// Rows are allocated in parts, so that a row keeps its address while more are added.
#include "node/reload/reload_ledger.hpp"

#include <fmt/format.h>

#include <bit>

namespace coppice::node {
namespace {

constexpr std::size_t first_rows = 256;

} // namespace

reload_ledger::reload_ledger(const std::map<std::string, loader::plugin_generation*, std::less<>>& next) {
  for (const auto& [plugin, to] : next)
    next_.emplace(plugin, target{host::image_pin(*to->mapped), to->mapped.get()});
}

host::reloadable* reloadable_of(runtime::process& self) {
  return dynamic_cast<host::reloadable*>(&self.does());
}

// Rows 0 to 255 are in the first part, 256 to 767 in the second, and so on.
std::size_t reload_ledger::part_of(std::size_t number) {
  return static_cast<std::size_t>(std::bit_width(number / first_rows + 1) - 1);
}

reload_ledger::row& reload_ledger::at(std::size_t number) const {
  const std::size_t part = part_of(number);
  return rows_[part][number - first_rows * ((std::size_t{1} << part) - 1)];
}

void reload_ledger::add(std::span<const runtime::pid> who) {
  for (const runtime::pid& one : who) {
    const std::size_t part = part_of(size_);
    if (rows_[part] == nullptr) rows_[part] = std::make_unique<row[]>(first_rows << part);
    at(size_++).pid = one;
  }
}

void reload_ledger::for_each(const std::function<void(const row&)>& see) const {
  for (std::size_t i = 0; i < size_; ++i) see(at(i));
}

void reload_ledger::look(runtime::process& self, std::size_t number, std::size_t most_bytes) {
  host::reloadable* const actor = reloadable_of(self);
  if (actor == nullptr) return;
  if (next_of(actor->identity().plugin) == nullptr) return;
  row& mine = at(number);
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
  if (failed() == nullptr) carry_alone(self, number);
}

void reload_ledger::carry_alone(runtime::process& self, std::size_t number) {
  const base::nanos began = base::mono_now();
  host::reloadable* const actor = reloadable_of(self);
  if (actor == nullptr) return;
  const host::actor_identity& is = actor->identity();
  const target* const to = next_of(is.plugin);
  if (to == nullptr) return;
  row& mine = at(number);
  mine.is = &is;
  mine.problem.reset();
  const host::actor_code* const code = to->image->find(is.actor);
  if (code == nullptr)
    return fail(mine, {base::errc::refused, fmt::format("there is no actor type {} any more", is.actor)});
  const auto saved = actor->save(self);
  const base::nanos saved_at = base::mono_now();
  mine.save = saved_at - began;
  if (!saved) return fail(mine, saved.error());
  if (closed_) return;
  const auto restored = actor->prepare(self, *to->image, *code, *saved);
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
  closed_ = true;
}

base::nanos reload_ledger::saving() const {
  base::nanos all = 0;
  for_each([&](const row& one) { all += one.save; });
  return all;
}

base::nanos reload_ledger::restoring() const {
  base::nanos all = 0;
  for_each([&](const row& one) { all += one.restore; });
  return all;
}

const reload_ledger::target* reload_ledger::next_of(const std::string& plugin) const {
  if (closed_) return nullptr;
  const auto found = next_.find(plugin);
  return found == next_.end() ? nullptr : &found->second;
}

} // namespace coppice::node
