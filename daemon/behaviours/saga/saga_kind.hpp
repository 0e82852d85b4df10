// SPDX-License-Identifier: MIT
// The child whose actor is a saga that needs something of the node: the log, if it is durable, and what its
// workers are made of. Any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/secret.hpp"
#include "behaviours/supervision/child_kind.hpp"

namespace coppice::behaviours {

// Actors that run the callbacks of a saga's steps, each in a process of its own.
struct saga_worker_options {
  std::string actor;         // PLUGIN or PLUGIN:ACTOR, of a saga
  runtime::message args;     // a map
  base::secrets_ptr secrets; // that `args` have markers of; null: none
  std::size_t limit = 0;     // at once, at least 1
};

// `workers`: null: none.
std::shared_ptr<const child_kind> saga_kind(bool durable, std::shared_ptr<const saga_worker_options> workers);

} // namespace coppice::behaviours
