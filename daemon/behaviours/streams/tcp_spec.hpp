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
  // How the process of a connection is made; its id and name are not used, and where HTTP is spoken, nor is
  // its actor. Null: `handlers` is the registered name of a pool whose workers have the connections.
  std::shared_ptr<const child_spec> connection;
  std::string handlers;
  std::shared_ptr<const stream_options> options;
  std::uint32_t max_connections = 10'000;
  bool shed = false; // who comes beyond is closed at once
  int backlog = 511; // connections that wait with the kernel, beyond those
  base::access_list access{};
  base::nanos drain = 10 * base::nanos_per_second; // for what has begun, when the listener stops
};

// What the node gives to listeners (engine_resources): the folder of the certificates that are made
// automatically.
struct certificate_folder {
  std::string path;
};

} // namespace coppice::behaviours
