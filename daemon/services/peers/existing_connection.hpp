// SPDX-License-Identifier: MIT
// Sends between services of two nodes over the existing connection only: a message sent because a connection
// was lost, or while it is lost, must not open the next one. Any thread.
#pragma once

#include <utility>

#include "runtime/messages/signal.hpp"
#include "runtime/system.hpp"

namespace coppice::services {

// For process::monitor().
inline constexpr runtime::sending over_existing_connection{.connects = false};

// Sends `m`, one well-formed term, to a process of another node, however much waits for that node. Without a
// connection it is dropped.
inline void send_over_existing_connection(runtime::system& host, const runtime::pid& from,
                                          const runtime::destination& to, runtime::message m) {
  runtime::remote_router* const router = host.router();
  if (router == nullptr) return;
  auto what = runtime::make_signal(runtime::signal_kind::message, from, std::move(m));
  what->flags = runtime::signal::unbounded | runtime::signal::no_connect;
  router->route(to, std::move(what));
}

} // namespace coppice::services
