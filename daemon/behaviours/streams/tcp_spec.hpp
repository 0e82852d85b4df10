// SPDX-License-Identifier: MIT
// The configuration of a listener: where it listens, which peers may connect, what is made for each
// connection. Immutable, any thread.
#pragma once

#include <sys/types.h>

#include <atomic>
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
  std::string socket{}; // set: the socket that the service manager has passed under this name
  enum class tls : std::uint8_t { off, automatic, files };
  tls secured = tls::off;
  net::tls_files files{}; // for tls::files
};

struct tcp_spec {
  std::vector<tcp_place> listen;
  // How the process of a connection is made. Its id and name are not used; with HTTP, neither is its actor.
  // Null: `handlers` is the registered name of a pool whose workers get the connections.
  std::shared_ptr<const child_spec> connection;
  std::string handlers;
  std::shared_ptr<const stream_options> options;
  std::uint32_t max_connections = 10'000;
  bool shed = false; // connections beyond max_connections are closed at once
  int backlog = 511; // connections that wait in the kernel, beyond max_connections
  base::access_list access{};
  base::nanos drain = 10 * base::nanos_per_second; // for what has begun when the listener stops
};

// A part that the node gives to listeners (engine_resources): the folder of certificates that are made
// automatically.
struct certificate_folder {
  std::string path;
};

// A part that the node gives to listeners (engine_resources): whether an operator has asked the node to
// drain. A listener that starts meanwhile is suspended from its beginning. Any thread.
struct node_drain {
  std::atomic<bool> is_on{false};
};

} // namespace coppice::behaviours
