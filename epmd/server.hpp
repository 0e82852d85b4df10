// SPDX-License-Identifier: MIT
// The serving side of EPMD on the caller's loop. Every client is bounded: in bytes by the longest
// request, in time and number by the policy for strangers, net/admission/admission_limit.hpp, until its
// request is complete. A registered node's connection stays; whatever it sends or its end unregisters it. One
// thread, the loop's.
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
  // All with one port; port 0 takes what the first gets. IPv6 ones that the machine lacks are skipped
  // as long as one address is listened on.
  std::vector<base::socket_address> addresses;
  // Or sockets that listen already, from systemd.
  std::vector<base::unique_fd> inherited;
  net::keeping kept{}; // the sockets of `addresses`
  // How long a client may take for its request; two seconds at most while many are waited for.
  std::chrono::milliseconds packet_timeout{7'000};
  // Allows `kill` while nodes are registered, and `stop`.
  bool relaxed = false;
  // Of both no more than an eighth and a half of the descriptors there may be.
  std::size_t max_waiting = 1024; // clients that have not sent their request yet
  std::size_t max_nodes = 10'000;
};

// The addresses an EPMD listens on: loopback of both families, and all of the machine unless `loopback_only`.
std::vector<base::socket_address> listen_addresses(bool loopback_only, std::uint16_t port);

class server {
 public:
  // `on_kill` is called when a client's kill was granted, after the answer is queued; the owner then stops.
  static base::result<std::unique_ptr<server>> start(uv_loop_t* on, server_options options,
                                                     std::function<void()> on_kill);
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server();

  std::uint16_t port() const { return port_; }
  const registry& nodes() const { return registry_; }
  // Clients connected, registered or not.
  std::size_t clients() const;
  // Clients that have not been answered.
  std::size_t waiting() const { return admission_->taken(); }
  // Accepts nobody any more; who has connected is answered all the same.
  void accept_no_more() { listeners_.clear(); }

  // A registration of this process itself, without a connection.
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
  std::uint16_t port_ = 0; // of all of them; some answers name it
  struct sessions;
  std::unique_ptr<sessions> sessions_;
};

} // namespace coppice::epmd
