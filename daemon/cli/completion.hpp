// SPDX-License-Identifier: MIT
// `coppice completion SHELL`: a script for bash, zsh or fish. The scripts know nothing of the commands: they
// ask `coppice complete`, which finds what may come next in the command line's own description, and names of
// what there is in the node that is meant.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/exchange.hpp"

namespace coppice::cli {

// What names stand for.
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

// All names of this kind; none where nobody can say.
using live_names = std::function<std::vector<std::string>(completes)>;

// What may stand where the last of `words` is, which may be half written or empty: sorted, with nothing in it
// twice. Empty: file names, or whatever the shell offers otherwise. `words` are those after "coppice".
std::vector<std::string> candidates(CLI::App& app, const std::vector<std::string>& words,
                                    const live_names& names);

// Paths of all supervised children in a document of `tree`: application/child, application/supervisor/child.
std::vector<std::string> child_paths(const nlohmann::json& tree);
// Of those, the ones of listeners.
std::vector<std::string> listener_paths(const nlohmann::json& tree);

// What the scripts ask with `coppice complete -- WORD…`, which is no command as the others are, since the
// words may be anything: prints the candidates, a line each.
api::exit_code complete(CLI::App& app, const std::vector<std::string>& words);

void declare_completion(CLI::App& app, std::function<api::exit_code()>& run);

} // namespace coppice::cli
