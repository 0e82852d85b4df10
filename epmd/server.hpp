// SPDX-License-Identifier: MIT
// The serving side of EPMD on its caller's loop. Every client is bounded: in bytes by the longest request,
// and in time and number by the admission limit (net/admission/admission_limit.hpp) until its request is
// complete. A registered node's connection stays; the node is unregistered when the connection ends, or when
// anything more is received on it. The loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/socket_address.hpp"
#include "epmd/protocol.hpp"
#include "epmd/registry.hpp"
#include "net/admission/admission_limit.hpp"
#include "net/listening/listener.hpp"
#include "net/listening/socket_store.hpp"

namespace coppice::epmd {

struct server_options {
  // All get the same port. Port 0: all get the port of the first. IPv6 addresses that cannot be listened on
  // are skipped as long as there is another one.
  std::vector<base::socket_address> addresses;
  // In addition: sockets of systemd that listen already.
  std::vector<base::unique_fd> inherited;
  net::keeping kept{}; // where the sockets of `addresses` are kept
  // How long a client may take for its request; at most two seconds while many have not sent theirs.
  std::chrono::milliseconds packet_timeout{7'000};
  // Allows `kill` while nodes are registered, and `stop`.
  bool relaxed = false;
  // max_waiting is cut to an eighth, max_nodes to half of the descriptors that the process may open.
  std::size_t max_waiting = 1024; // clients that have not sent their request yet
  std::size_t max_nodes = 10'000;
};

// The addresses that an EPMD listens on, of both families: loopback, or all unless `loopback_only`.
std::vector<base::socket_address> listen_addresses(bool loopback_only, std::uint16_t port);

class server {
 public:
  // `on_kill` is called when a client's kill was granted, after its answer was queued. The owner then stops
  // the server.
  static base::result<std::unique_ptr<server>> start(uv_loop_t* on, server_options options,
                                                     std::function<void()> on_kill);
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server();

  std::uint16_t port() const { return port_; }
  const registry& nodes() const { return registry_; }
  // Connected clients, registered or not.
  std::size_t clients() const;
  // Clients that have not been answered.
  std::size_t waiting() const { return admission_->taken(); }
  // Closes the listening sockets. Connected clients are still answered.
  void accept_no_more() { listeners_.clear(); }

  // Registers a node of this process, without a connection.
  base::result<std::uint32_t> add_own(node_info node);
  void remove_own(std::string_view name);

 private:
  class session;
  friend class session;

  server(uv_loop_t* on, server_options options, std::function<void()> on_kill);
  base::status listen();
  void accepted(net::accepted_socket socket);
  void forget(std::uint64_t id);

  uv_loop_t* loop_;
  server_options options_;
  std::function<void()> on_kill_;
  registry registry_;
  std::shared_ptr<net::admission_limit> admission_;
  std::vector<net::listener> listeners_;
  std::uint16_t port_ = 0; // of all listeners; some answers name it
  struct sessions;
  std::unique_ptr<sessions> sessions_;
};

} // namespace coppice::epmd
