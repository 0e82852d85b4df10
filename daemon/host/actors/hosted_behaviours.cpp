// SPDX-License-Identifier: MIT
// The list of behaviours for plugins. Any thread.
#include "host/actors/hosted_behaviours.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/actors/event_handler.hpp"
#include "host/actors/raft_actor.hpp"
#include "host/actors/router.hpp"
#include "host/actors/saga_actor.hpp"
#include "host/actors/server.hpp"
#include "host/actors/stage.hpp"
#include "host/actors/statem.hpp"

namespace coppice::host {

behaviour_list hosted_behaviours() {
  static const hosted_behaviour all[] = {
      hosted<stage>(coppice_find_behaviour(coppice_behaviours, "consumer")),
      hosted<event_handler>(coppice_find_behaviour(coppice_behaviours, "event_handler")),
      hosted<stage>(coppice_find_behaviour(coppice_behaviours, "producer")),
      hosted<stage>(coppice_find_behaviour(coppice_behaviours, "producer_consumer")),
      hosted<raft_actor>(coppice_find_behaviour(coppice_behaviours, "raft")),
      hosted<router>(coppice_find_behaviour(coppice_behaviours, "router")),
      hosted<saga_actor>(coppice_find_behaviour(coppice_behaviours, "saga")),
      hosted<server>(coppice_find_behaviour(coppice_behaviours, "server")),
      hosted<statem>(coppice_find_behaviour(coppice_behaviours, "statem")),
      hosted<server>(coppice_find_behaviour(coppice_behaviours, "tcp")), // its server table is optional
      hosted<server>(coppice_find_behaviour(coppice_behaviours, "udp")), // its server table is optional
  };
  return all;
}

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
  made->is = &identities.of(plugin, type.name, type.behaviour);
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
