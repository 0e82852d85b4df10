// SPDX-License-Identifier: MIT
// Spawn requests of peers: their content, and the handler through which a service may grant them. Without a
// handler every request is answered with notsup, and the caller gets that reason. The router passes one
// handler to all of its connections. The connection's thread.
#pragma once

#include <coppice/etf/result.hpp>
#include <coppice/etf/types.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::dist {

struct spawn_request {
  runtime::reference id; // also the reference of the monitor
  runtime::pid from;
  runtime::pid group_leader;
  std::string_view module;
  std::string_view function;
  std::uint32_t arity = 0;
  runtime::message arguments; // a list
  bool link = false;
  bool monitor = false;
  bool known_options = true; // false: it has an unknown option, and is answered with badopt
};

// Reads `options` (a term) into link, monitor and known_options.
void read_spawn_options(etf::bytes options, spawn_request& into);

// Makes the process, or returns the atom of OTP's spawn error (notsup, badopt, system_limit). Called on a
// worker's thread, below uv_run, so it may not block. The process must be spawned on that worker: then it has
// its first turn only when its link and monitor are set up and the reply is queued.
using spawn_handler = std::function<expected<runtime::pid, std::string>(const spawn_request&)>;

} // namespace coppice::dist
