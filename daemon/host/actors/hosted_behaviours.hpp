// SPDX-License-Identifier: MIT
// The behaviours that the host runs for plugins: each is a line of the list in hosted_behaviours.cpp, which
// combines the rules of coppice/detail/behaviours.h with the class of its actors (hosted.hpp). No other part
// of the host knows a behaviour by its name. Any thread.
#pragma once

#include <coppice/detail/behaviours.h>

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

// The parts needed to make an actor. Passed by reference, since moves would be noticeable in a spawn.
struct actor_plan {
  image_pin image;
  const actor_code* code = nullptr;            // of the image
  runtime::message args;                       // a term; none = #{}
  runtime::message env;                        // the application's, a map; none = #{}
  base::secrets_ptr secrets;                   // secrets in `args`; null: none
  std::unique_ptr<const saved_state> saved;    // it starts with this state restored, without init
  bool only_tried = false;                     // it ends with `ignore` as soon as its state is restored
  std::optional<runtime::unhandled> unhandled; // none: the code decides
  runtime::postponed_bound postponed{};        // for a state machine
  runtime::message options; // of its behaviour, see host/actors/stage.hpp and router.hpp; none: the defaults
};

struct hosted_behaviour {
  const coppice_behaviour* facts;
  std::unique_ptr<actor_code> (*read)(const coppice_actor_type& type);
  std::unique_ptr<runtime::behaviour> (*make)(actor_plan&& plan);
  // Makes the totals that its actors count in for their type. Null: they have none of their own.
  totals_maker totals = nullptr;
  // The table facts->host_interface of functions that its callbacks may call. Null: there are none.
  const void* (*host_interface)() = nullptr;
};

// A behaviour whose actors are objects of Actor. Defined in hosted.hpp, which the file of the actors
// includes.
template <class Actor>
hosted_behaviour hosted(const coppice_behaviour* facts);

using behaviour_list = std::span<const hosted_behaviour>;
behaviour_list hosted_behaviours();
// Null: the list has no such behaviour.
const hosted_behaviour* find(behaviour_list in, std::string_view name);

// The code of an actor type whose tables are valid for its behaviour. Null: its behaviour is not in the list.
// The list must outlive the result.
std::unique_ptr<actor_code> read_code(const coppice_actor_type& type, const std::string& plugin,
                                      identity_book& identities, behaviour_list in = hosted_behaviours());
// The choice of each actor type's class for messages that it does not handle, by the type's name.
using unhandled_by_type = std::map<std::string, runtime::unhandled, std::less<>>;

// Reads the code of all actor types of a plugin into its image. errc::refused: the behaviour of an actor
// type is not in the list.
base::status read_all(const coppice_descriptor& plugin, plugin_image& into, identity_book& identities,
                      const unhandled_by_type& chosen, behaviour_list in = hosted_behaviours());

inline std::unique_ptr<runtime::behaviour> make_actor(actor_plan&& plan) {
  const hosted_behaviour& one = *plan.code->runs;
  return one.make(std::move(plan));
}

} // namespace coppice::host
