// SPDX-License-Identifier: MIT
// The commands that a running node answers: what each takes on the command line, the request it
// becomes, and how its reply is shown. One table; a new command is one entry.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "api/exit_code.hpp"

namespace coppice::cli {

// Options every command takes.
struct common_options {
  bool json = false;
  std::string socket; // empty: chosen as api::choose_socket says
};

// Adds each command to `app`; the one chosen is run by the closure put into `run`.
void declare_remote_commands(CLI::App& app, const common_options& common,
                             std::function<api::exit_code()>& run);

// Writes "coppice: WHAT: WHY", and the hint where there is one, to stderr.
void complain(const std::string& what, const std::string& why, const std::string& hint = {});

inline constexpr const char* no_node_hint = "is the node running? start one with: coppiced --config FILE";

// --timeout, into `text`, which outlives `app` and holds the default; for parse_timeout().
void add_timeout(CLI::App& app, std::string& text);

// "5s", "250ms", "2m", "1h": milliseconds. "infinity": -1. errc::invalid otherwise.
base::result<long long> parse_timeout(const std::string& text);

} // namespace coppice::cli
