// SPDX-License-Identifier: MIT
// What is checked of a command line before a running node is asked, beyond what the options can say, and what
// the user has to agree to.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/exchange.hpp"

namespace coppice::cli {

// Added to a timeout that the node itself keeps.
inline constexpr std::chrono::milliseconds grace{2'000};

// The values of a command line; each command uses some of them.
struct remote_parameters {
  std::string name;
  std::string term;
  std::string reason;
  std::string sort;
  std::string timeout = "5s";
  std::string application;
  std::string plugin;
  std::string level;
  std::string of;
  std::string duration;
  std::string change;
  std::string member;
  std::string decision;
  std::optional<std::uint32_t> size;
  std::vector<std::string> only;
  bool back = false;
  bool running = false;
  bool dry_run = false;
  bool carry_only = false;
  bool in_doubt = false;
  bool parked = false;
  bool overdue = false;
  bool alone = false;
  std::string without; // raft: an address
  bool yes = false;
};

// nullopt: it is no number from 1 on.
std::optional<std::uint64_t> serial_of(const std::string& text);

// For `saga` and `raft`. An exit status: the node is not asked.
std::optional<api::exit_code> before_saga(const remote_parameters& p, const common_options& common);
std::optional<api::exit_code> before_group(const remote_parameters& p, const common_options&);

} // namespace coppice::cli
