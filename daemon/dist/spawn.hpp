// SPDX-License-Identifier: MIT
// Spawn requests of peers: what they ask, and the port through which a service may grant them. Without one
// every request is answered notsup. One thread, the connection's.
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
  runtime::reference id; // also the monitor's reference
  runtime::pid from;
  runtime::pid group_leader;
  std::string_view module;
  std::string_view function;
  std::uint32_t arity = 0;
  runtime::message arguments; // a list
  bool link = false;
  bool monitor = false;
  bool known_options = true; // false: an option nobody here knows, to be answered badopt
};

// Reads `options` (a term) into link, monitor and known_options.
void read_spawn_options(etf::bytes options, spawn_request& into);

// Makes the process, or says why not with the atom of OTP's spawn errors (notsup, badopt, system_limit).
// Called on a worker's thread, below uv_run: it may not wait. The process has to be spawned on that very
// worker: so it has its first turn when its link and monitor stand and the reply is on its way.
using spawn_handler = std::function<expected<runtime::pid, std::string>(const spawn_request&)>;

} // namespace coppice::dist
