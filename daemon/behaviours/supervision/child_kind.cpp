// SPDX-License-Identifier: MIT
// See child_kind.hpp. The defaults for kinds that do not say otherwise.
#include "behaviours/supervision/child_kind.hpp"

#include "behaviours/gen/stream_taker.hpp"
#include "behaviours/supervision/child_spec.hpp"
#include "behaviours/supervision/supervision.hpp"

namespace coppice::behaviours {

std::optional<engine_order> child_kind::order_for(const std::shared_ptr<const child_spec>&) const {
  return std::nullopt;
}

std::vector<actor_use> child_kind::actors(const child_spec& of) const {
  return {{{}, of.actor, of.args, of.secrets}};
}

base::result<std::unique_ptr<runtime::behaviour>> equipped_actor::make(const child_start& of) const {
  auto made = make_actor(of);
  if (!made) return made;
  stream_taker* const taker = (*made)->as_stream_taker();
  if (taker == nullptr || !equip(*taker, of))
    return base::fail(base::errc::invalid, of.spec->actor + " takes no " + std::string(gives()));
  return made;
}

base::result<std::unique_ptr<runtime::behaviour>> make_actor(const child_start& of) {
  const child_spec& spec = *of.spec;
  return of.shared->factory->make(
      {spec.actor, of.args, of.env, of.label, spec.unhandled, spec.postponed, spec.options, of.secrets});
}

std::vector<actor_use> actors_of(const child_spec& of) {
  if (of.kind != nullptr) return of.kind->actors(of);
  if (of.is_supervisor()) return {};
  return {{{}, of.actor, of.args, of.secrets}};
}

} // namespace coppice::behaviours
