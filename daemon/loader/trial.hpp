// SPDX-License-Identifier: MIT
// Saved states on their way to the process that tries a new plugin file out: one record an actor, in an
// unlinked file that the child inherits, so that neither a pipe's size nor an argument's bounds them. Any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"
#include "host/actors/reloadable.hpp"

namespace coppice::loader {

// Where the child finds the file.
constexpr int states_fd = 4;

struct trial_state {
  std::string label; // of the actor, for people
  std::string actor; // its type
  host::actor_origin origin;
  host::saved_state saved;
};

// All of them in a new file, open for reading and writing.
base::result<base::unique_fd> write_states(const std::vector<trial_state>& states);
// From the start of the file. errc::invalid: it was not written by write_states().
base::result<std::vector<trial_state>> read_states(int fd);

} // namespace coppice::loader
