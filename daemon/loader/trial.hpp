// SPDX-License-Identifier: MIT
// Saved states on their way to the process that tries a new plugin file: one record for each actor, in an
// unlinked file that the child inherits. A file is used because neither a pipe's size nor the length of an
// argument bounds it. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"
#include "host/actors/reloadable.hpp"

namespace coppice::loader {

// The child's descriptor of the file.
constexpr int states_fd = 4;

struct trial_state {
  std::string label; // names the actor for people
  std::string actor; // the actor's type
  host::actor_origin origin;
  host::saved_state saved;
};

// Writes all states to a new file, which is open for reading and writing.
base::result<base::unique_fd> write_states(const std::vector<trial_state>& states);
// Reads from the start of the file. errc::invalid: write_states() did not write it.
base::result<std::vector<trial_state>> read_states(int fd);

} // namespace coppice::loader
