// SPDX-License-Identifier: MIT
// The options of a saga's workers: actors that run the callbacks of its steps, each in a process of its own.
// Plain values; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "base/secret.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

struct saga_worker_options {
  std::string actor;         // PLUGIN or PLUGIN:ACTOR, of a saga
  runtime::message args;     // a map
  base::secrets_ptr secrets; // whose markers are in `args`; null: none
  std::size_t limit = 0;     // workers at once, at least 1
};

} // namespace coppice::behaviours
