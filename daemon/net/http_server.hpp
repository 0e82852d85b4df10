// SPDX-License-Identifier: MIT
// An HTTP/1.1 server on a libuv loop: keep-alive, pipelining, HEAD, bodies in memory, and a bound and a
// deadline on everything a client may do. What is asked and answered is its owner's affair. The loop's
// thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/error.hpp"
#include "base/socket_address.hpp"
#include "net/http_message.hpp"
#include "net/http_reader.hpp"
#include "net/socket_store.hpp"

namespace coppice::net {

struct http_timeouts {
  std::chrono::milliseconds head{10'000};  // from a connection's start, or a request's first byte; then 408
  std::chrono::milliseconds body{30'000};  // from the head's end; then 408
  std::chrono::milliseconds idle{30'000};  // between two requests; then it is closed
  std::chrono::milliseconds write{30'000}; // for the client to take an answer
};

struct http_options {
  // At once, by the policy of door.hpp: a whole request is what has to be said. One whose request is being
  // answered is not dismissed; of those there may be four times as many before more wait in the kernel's
  // backlog.
  std::size_t connections = 64;
  std::uint64_t requests = 10'000; // of one connection; then it is closed
  http_limits limits{};
  keeping kept{}; // its listening socket
  http_timeouts timeouts{};
};

// Which request of which connection.
struct http_exchange {
  std::uint64_t connection = 0;
  std::uint64_t number = 0;
};

class http_server {
 public:
  // Called with each request, whose reference is valid until it returns; answer() is called then or later.
  using handler = std::function<void(const http_request&, http_exchange)>;

  // Listens on `at`; its port 0 lets the kernel choose. errc::exists: the port is taken.
  static base::result<http_server> start(uv_loop_t* on, const base::socket_address& at,
                                         const http_options& options, handler handle);
  http_server(http_server&&) noexcept;
  http_server& operator=(http_server&&) noexcept;
  // Closes everything; answers given later would be to nobody.
  ~http_server();

  // The first one for an exchange is sent; one for a client that has left is dropped. Statuses below 200 are
  // the server's own.
  void answer(http_exchange to, const http_response& response);

  // Accepts nobody any more; address() is gone.
  void accept_no_more();
  // Somebody is at a request, or has connected and not begun one.
  bool owes() const;

  base::socket_address address() const;
  std::size_t connections() const;
  // How often each status was answered, the server's own refusals included.
  const std::map<int, std::uint64_t>& answered() const;

 private:
  class inner;
  explicit http_server(std::unique_ptr<inner> made);
  std::unique_ptr<inner> inner_;
};

} // namespace coppice::net
