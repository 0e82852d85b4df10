// SPDX-License-Identifier: MIT
// What a listener is told: where to listen, who may come, what is made for each connection. Immutable, any
// thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/address_range.hpp"
#include "base/clock.hpp"
#include "base/socket_address.hpp"
#include "behaviours/streams/stream_options.hpp"
#include "net/tls/tls_source.hpp"

namespace coppice::behaviours {

struct child_spec;
struct web_spec;

struct tcp_place {
  base::socket_address address{}; // with its port; 0: the kernel chooses one
  std::string path{};             // set: a Unix-domain socket there, with this mode
  mode_t mode = 0660;
  std::string socket{}; // set: the one that the service manager has passed under this name
  enum class tls : std::uint8_t { off, automatic, files };
  tls secured = tls::off;
  net::tls_files files{}; // for tls::files
};

struct tcp_spec {
  std::vector<tcp_place> listen;
  std::shared_ptr<const child_spec> connection; // the actor of one; its id and name are not used; or
  std::shared_ptr<const web_spec> web;          // set: HTTP is spoken there, and `connection` says how its
                                                // process is made, but for the actor; or
  std::string handlers;                         // the registered name of a pool whose workers have them
  std::shared_ptr<const stream_options> options;
  std::uint32_t max_connections = 10'000;
  bool shed = false; // who comes beyond is closed at once
  int backlog = 511; // connections that wait with the kernel, beyond those
  base::access_list access{};
  base::nanos drain = 10 * base::nanos_per_second; // for what has begun, when the listener stops
};

} // namespace coppice::behaviours
