// SPDX-License-Identifier: MIT
// What services of this node and of another tell each other goes over the connection there is: said because a
// connection was lost, or crossing its loss, it must not open the next one. Any thread.
#pragma once

#include <utility>

#include "runtime/messages/signal.hpp"
#include "runtime/system.hpp"

namespace coppice::services {

// For process::monitor().
inline constexpr runtime::sending over_existing_connection{.connects = false};

// `m`, one well-formed term, to a process of another node, whatever waits for that node already. Without a
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
