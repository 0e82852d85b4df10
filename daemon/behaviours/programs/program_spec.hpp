// SPDX-License-Identifier: MIT
// The program of an actor: its command, environment and limits, how its output is split into messages, and
// what happens to its standard error. Made from the configuration, and shared by all starts of the actor.
// Immutable; any thread.
#pragma once

#include <memory>

#include "base/program.hpp"

namespace coppice::behaviours {

struct stream_options;

struct program_spec {
  base::program_options run;
  std::shared_ptr<const stream_options> stream;
  bool logs_errors = true; // lines that it writes to descriptor 2 go to the log; otherwise they are dropped
};

} // namespace coppice::behaviours
