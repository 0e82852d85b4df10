// SPDX-License-Identifier: MIT
// The command line and environment of coppice-epmd, which are those of Erlang's epmd: long options with one
// dash, and ERL_EPMD_PORT, ERL_EPMD_ADDRESS, ERL_EPMD_RELAXED_COMMAND_CHECK. Options on the command line win.
// The main thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/socket_address.hpp"

namespace coppice::epmd::program {

enum class action { serve, names, dump, kill, stop, help, version };

struct options {
  program::action action = program::action::serve;
  std::uint16_t port = 4369;
  std::vector<base::socket_address> addresses; // empty: all
  std::string stop_name;
  bool daemon = false;
  bool debug = false;
  bool relaxed = false;
  bool systemd = false;
  std::chrono::milliseconds packet_timeout{60'000};
};

extern const std::string_view usage;

// `environment` looks up a variable; null: it is not set.
base::result<options> parse(const std::vector<std::string>& arguments,
                            const char* (*environment)(const char*));

} // namespace coppice::epmd::program
