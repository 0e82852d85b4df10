// SPDX-License-Identifier: MIT
// The node over HTTP: /metrics, /livez and /readyz for all clients, the page and /api/v1 for clients with
// rights. A thread of its own with a loop of its own, so that a stuck worker does not hold it up, and a
// scraper that asks without end holds up no other part of the node: all clients together cost one thread at
// most.
#pragma once

#include <functional>
#include <memory>

#include "base/error.hpp"
#include "base/socket_address.hpp"
#include "control/http_api.hpp"
#include "net/http/http_server.hpp"
#include "node/instance/instance.hpp"

namespace coppice::control {

class http_endpoint {
 public:
  // The parts in `on` outlive it. errc::exists: the port is taken.
  static base::result<std::unique_ptr<http_endpoint>> start(const http_api::parts& on,
                                                            const base::socket_address& at);

  // Closes everything and ends the thread.
  ~http_endpoint();
  http_endpoint(const http_endpoint&) = delete;
  http_endpoint& operator=(const http_endpoint&) = delete;

  const base::socket_address& address() const;

 private:
  class inner;
  explicit http_endpoint(std::unique_ptr<inner> made);
  std::unique_ptr<inner> inner_;
};

// The response that make() makes; 500 if it throws, which is logged. Any thread.
net::http_response contained_page(const std::function<net::http_response()>& make);

// Starts the endpoint at the address in the node's configuration; null: none is configured.
base::result<std::unique_ptr<http_endpoint>> serve_http(const http_api::parts& on);

} // namespace coppice::control
