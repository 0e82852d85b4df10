// SPDX-License-Identifier: MIT
// Keeps registrations and former names; a creation follows the former one of the name. One thread.
#include "epmd/registry.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/random.hpp"

namespace coppice::epmd {
namespace {

constexpr std::size_t max_former = 1000;
constexpr std::uint16_t wide_creation_version = 6;

} // namespace

registry::registry(std::size_t max_nodes) : max_nodes_(max_nodes) {}

base::result<std::uint32_t> registry::add(node_info node, std::uint64_t owner) {
  if (nodes_.contains(node.name)) {
    return base::fail(base::errc::exists, fmt::format("the name \"{}\" is registered already", node.name));
  }
  if (nodes_.size() >= max_nodes_ && owner != own_registration) {
    return base::fail(base::errc::limit, fmt::format("{} nodes are registered, no more fit", nodes_.size()));
  }
  const std::uint32_t creation = next_creation(node);
  std::string name = node.name;
  nodes_.emplace(std::move(name), entry{std::move(node), creation, owner});
  return creation;
}

std::uint32_t registry::next_creation(const node_info& node) {
  const bool wide = node.highest >= wide_creation_version;
  const auto last =
      std::find_if(former_.begin(), former_.end(), [&](const former& f) { return f.name == node.name; });
  const bool returns = last != former_.end();
  const std::uint32_t previous = returns ? last->creation : base::random_u32();
  if (returns) former_.erase(last);
  if (!wide) return previous % 3 + 1;
  return previous + 1 > 3 ? previous + 1 : 4;
}

std::optional<std::uint64_t> registry::owner_of(std::string_view name) const {
  const entry* found = find(name);
  return found != nullptr ? std::optional(found->owner) : std::nullopt;
}

bool registry::remove(std::string_view name) {
  const auto found = nodes_.find(name);
  if (found == nodes_.end()) return false;
  if (former_.size() == max_former) former_.pop_front();
  former_.push_back({found->first, found->second.node.port, found->second.creation});
  nodes_.erase(found);
  return true;
}

const registry::entry* registry::find(std::string_view name) const {
  const auto found = nodes_.find(name);
  return found != nodes_.end() ? &found->second : nullptr;
}

} // namespace coppice::epmd
