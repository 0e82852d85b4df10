// SPDX-License-Identifier: MIT
// How a class of actors becomes an entry in the list of behaviours. The file that implements the class ends
// with `template hosted_behaviour hosted<CLASS>(const coppice_behaviour* facts);`. The class has
//   code_type         its actor_code, into which the tables of an actor type are read
//   make_totals       if its actors count for their type: a static function, a totals_maker
//   host_interface    if its callbacks may call functions of the host: a static function, the table's address
// Any thread.
#pragma once

#include <memory>
#include <utility>

#include "host/actors/hosted_behaviours.hpp"

namespace coppice::host {

template <class Actor>
hosted_behaviour hosted(const coppice_behaviour* facts) {
  hosted_behaviour out{facts,
                       [](const coppice_actor_type& type) -> std::unique_ptr<actor_code> {
                         return std::make_unique<typename Actor::code_type>(type);
                       },
                       [](actor_plan&& plan) -> std::unique_ptr<runtime::behaviour> {
                         return std::make_unique<Actor>(std::move(plan));
                       }};
  if constexpr (requires { &Actor::make_totals; }) out.totals = &Actor::make_totals;
  if constexpr (requires { &Actor::host_interface; })
    out.host_interface = []() -> const void* { return Actor::host_interface(); };
  return out;
}

} // namespace coppice::host
