// SPDX-License-Identifier: MIT
// The port that turns an actor's name into a behaviour; the loader implements it. Called on any worker
// thread, in a process's own turn; may not block for long.
#pragma once

#include <memory>
#include <string>

#include "base/error.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::runtime {

struct actor_spec {
  std::string actor; // "PLUGIN" or "PLUGIN:ACTOR"
  message args;      // a term; none = #{}
  message env;       // the application's env, a map; none = #{}
  std::string label; // app/sup/child, for people
};

class actor_factory {
 public:
  virtual ~actor_factory() = default;
  virtual base::result<std::unique_ptr<behaviour>> make(const actor_spec& spec) = 0;
};

} // namespace coppice::runtime
