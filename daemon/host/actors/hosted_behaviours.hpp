// SPDX-License-Identifier: MIT
// The behaviours that the host runs for plugins: each is a line of the list in hosted_behaviours.cpp, which
// pairs what coppice/behaviours.h says of it with what reads an actor type's tables and makes its actors.
// Nobody else in the daemon knows one by its name. Any thread.
#pragma once

#include <coppice/behaviours.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "host/actors/reloadable.hpp"
#include "host/boundary/actor_code.hpp"
#include "host/boundary/plugin_image.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::host {

// What an actor is made from; handed on by reference, since a spawn is short enough to feel each move of it.
struct actor_plan {
  image_pin image;
  const actor_code* code = nullptr;            // the image's
  runtime::message args;                       // a term; none = #{}
  runtime::message env;                        // the application's, a map; none = #{}
  base::secrets_ptr secrets;                   // that stand in `args`; null: none
  std::unique_ptr<const saved_state> saved;    // it starts with this state, restored, and without init
  bool only_tried = false;                     // it ends with `ignore` as soon as its state is restored
  std::optional<runtime::unhandled> unhandled; // none: as the code says
  runtime::postponed_bound postponed{};        // of a state machine
  runtime::message
      options; // of its behaviour, as host/actors/stage.hpp and router.hpp have them; none: the defaults
};

struct hosted_behaviour {
  const coppice_behaviour* facts;
  std::unique_ptr<actor_code> (*read)(const coppice_actor_type& type);
  std::unique_ptr<runtime::behaviour> (*make)(actor_plan&& plan);
};

// One whose actors are an Actor each, and whose tables are read into an Actor::code_type.
template <class Actor>
constexpr hosted_behaviour hosted(const coppice_behaviour* facts) {
  return {facts,
          [](const coppice_actor_type& type) -> std::unique_ptr<actor_code> {
            return std::make_unique<typename Actor::code_type>(type);
          },
          [](actor_plan&& plan) -> std::unique_ptr<runtime::behaviour> {
            return std::make_unique<Actor>(std::move(plan));
          }};
}

using behaviour_list = std::span<const hosted_behaviour>;
behaviour_list hosted_behaviours();
// Null: it is not in the list.
const hosted_behaviour* find(behaviour_list in, std::string_view name);

// The code of an actor type whose tables have been found fit for its behaviour; null if that is none of the
// list, which outlives what is returned.
std::unique_ptr<actor_code> read_code(const coppice_actor_type& type, const std::string& plugin,
                                      identity_book& identities, behaviour_list in = hosted_behaviours());
// What the class of an actor type chose for what it does not take, by the type's name.
using unhandled_by_type = std::map<std::string, runtime::unhandled, std::less<>>;

// That of all actor types of a plugin becomes its image's. errc::refused: one has a behaviour not in the
// list.
base::status read_all(const coppice_descriptor& plugin, plugin_image& into, identity_book& identities,
                      const unhandled_by_type& chosen, behaviour_list in = hosted_behaviours());

inline std::unique_ptr<runtime::behaviour> make_actor(actor_plan&& plan) {
  const hosted_behaviour& one = *plan.code->runs;
  return one.make(std::move(plan));
}

} // namespace coppice::host
