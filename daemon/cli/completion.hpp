// SPDX-License-Identifier: MIT
// The command `coppice completion SHELL`: prints a script for bash, zsh or fish. The scripts know nothing of
// the commands. They ask `coppice complete`, which finds the possible words in the command line's
// description, and asks the node for names.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/exchange.hpp"

namespace coppice::cli {

// The kind of thing that a name stands for.
enum class completes {
  nothing,
  application,
  child,
  plugin,
  node,
  process,
  module,
  log_target,
  job,
  event,
  listener,
  socket
};

// All names of this kind. Empty also if they cannot be found out.
using live_names = std::function<std::vector<std::string>(completes)>;

// The possible words in place of the last of `words`, which may be incomplete or empty; sorted, without
// duplicates. Empty: the shell offers file names, or its own choice. `words` are those after "coppice".
std::vector<std::string> candidates(CLI::App& app, const std::vector<std::string>& words,
                                    const live_names& names);

// Paths of all supervised children in a document of `tree`: application/child, application/supervisor/child.
std::vector<std::string> child_paths(const nlohmann::json& tree);
// The paths of listeners among those.
std::vector<std::string> listener_paths(const nlohmann::json& tree);

// Called by the scripts as `coppice complete -- WORD…`. It is not declared as a command, since the words may
// be anything. Prints the candidates, one in each line.
api::exit_code complete(CLI::App& app, const std::vector<std::string>& words);

void declare_completion(CLI::App& app, std::function<api::exit_code()>& run);

} // namespace coppice::cli
