// SPDX-License-Identifier: MIT
// See of_class.hpp.
#include "spec/kinds/of_class.hpp"

#include <coppice/draft/stream.h>
#include <algorithm>
#include <string>

#include "spec/kinds/kinds.hpp"

namespace coppice::spec {

bool has_table(const manifest::actor_type& type, std::string_view name) {
  return std::ranges::find(type.tables, name) != type.tables.end();
}

bool has_streams(const manifest::actor_type& type) {
  return has_table(type, COPPICE_STREAM_DRAFT_2);
}

bool is_in_place_of_actor(const child_spec& child) {
  return std::ranges::any_of(
      kinds(), [&child](const kind* one) { return one->in_place_of_actor && one->is_in(child); });
}

bool brings_streams_to(const child_spec& child) {
  return std::ranges::any_of(
      kinds(), [&child](const kind* one) { return one->brings_streams() && one->is_in(child); });
}

void refuse_beside_others(report& to, const named_actor& actor, const kind& its, std::string_view behaviour) {
  const node* const key = actor.at.find(its.key);
  if (key == nullptr || actor.type.behaviour == behaviour) return;
  to.error(key->at,
           std::string(its.key) + ": the actor " + actor.type.name + " is a " + actor.type.behaviour +
               " and no " + std::string(behaviour),
           "leave it out");
}

} // namespace coppice::spec
