// SPDX-License-Identifier: MIT
// A program that an actor has: how it is run, and how its bytes are cut. Immutable; any thread.
#pragma once

#include <memory>

#include "base/program.hpp"

namespace coppice::behaviours {

struct stream_options;

struct program_spec {
  base::program_options run;
  std::shared_ptr<const stream_options> stream;
  bool logs_errors = true; // what it writes to descriptor 2 are lines of the log; else it is dropped
};

} // namespace coppice::behaviours
