// SPDX-License-Identifier: MIT
// Reads the code of a plugin's actor types by a list of behaviours. Any thread.
#include <fmt/format.h>

#include <algorithm>

#include "host/actors/hosted_behaviours.hpp"

namespace coppice::host {

const hosted_behaviour* find(behaviour_list in, std::string_view name) {
  const auto found = std::ranges::find_if(in, [name](const auto& one) { return one.facts->name == name; });
  return found == in.end() ? nullptr : &*found;
}

std::unique_ptr<actor_code> read_code(const coppice_actor_type& type, const std::string& plugin,
                                      identity_book& identities, behaviour_list in) {
  const hosted_behaviour* const runs = find(in, type.behaviour);
  if (runs == nullptr) return nullptr;
  auto made = runs->read(type);
  made->runs = runs;
  made->is = &identities.of(plugin, type.name, type.behaviour, runs->totals);
  return made;
}

base::status read_all(const coppice_descriptor& plugin, plugin_image& into, identity_book& identities,
                      const unhandled_by_type& chosen, behaviour_list in) {
  for (std::uint64_t i = 0; i < plugin.actor_count; ++i) {
    const coppice_actor_type& type = *plugin.actors[i];
    auto made = read_code(type, into.id(), identities, in);
    if (made == nullptr)
      return base::fail(base::errc::refused,
                        fmt::format("actor {}: this host runs no behaviour {}", type.name, type.behaviour));
    if (const auto found = chosen.find(type.name); found != chosen.end()) made->unhandled = found->second;
    into.keep(std::move(made));
  }
  return {};
}

} // namespace coppice::host
