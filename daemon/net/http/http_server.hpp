// SPDX-License-Identifier: MIT
// An HTTP/1.1 server on a libuv loop: keep-alive, pipelining, HEAD, bodies of requests and answers in memory
// or as they come, TLS, connections handed on to other protocols, and a bound and a deadline on everything a
// client may do. What is asked and answered is its owner's affair. The loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/socket_address.hpp"
#include "net/http/http_message.hpp"
#include "net/http/http_reader.hpp"
#include "net/http/http_session.hpp"
#include "net/listening/socket_store.hpp"
#include "net/stream/stream.hpp"
#include "net/tls/tls_source.hpp"

namespace coppice::net {

struct http_timeouts {
  std::chrono::milliseconds head{10'000};  // from a connection's start, or a request's first byte; then 408
  std::chrono::milliseconds body{30'000};  // from the head's end, a streamed one's each part; then 408
  std::chrono::milliseconds idle{30'000};  // between two requests; then it is closed
  std::chrono::milliseconds write{30'000}; // for the client to take an answer
};

struct http_options {
  // At once, by the policy of admission_limit.hpp: a whole request is what has to be said. One whose request
  // is being answered is not dismissed; of those there may be four times as many before more wait in the
  // kernel's backlog.
  std::size_t connections = 64;
  std::uint64_t requests = 10'000; // of one connection; then it is closed
  http_limits limits{};
  keeping kept{}; // its listening socket
  http_timeouts timeouts{};
  std::shared_ptr<tls_source> tls{}; // with a certificate; null: no TLS
};

// Which request of which connection.
struct http_exchange {
  std::uint64_t connection = 0;
  std::uint64_t number = 0;
};

// What became of a part of an answer. `full`: taken, and much waits for the client; to go on, wait to hear
// that it is writable. A client that does not take it in time is dropped. `gone`: nobody is there for it.
enum class http_written { taken, full, gone };

// A connection that is another protocol's from now on, and what the client has sent of that already.
struct http_upgraded {
  detached_stream connection;
  std::string first;
};

// Those that are not set are not called, except `handle`, which has to be.
struct http_handlers {
  // Called with each request, whose reference is valid until it returns; it is answered then or later.
  std::function<void(const http_request&, http_exchange)> handle;
  // What is to become of a request's body, before `handle`; without it, or a body, requests come whole.
  std::function<http_body_plan(const http_request&)> plan{};
  // Of a streamed body; empty only if it is the last.
  std::function<void(http_exchange, std::string_view part, bool last)> body{};
  // What would be answered now would be to nobody.
  std::function<void(http_exchange)> abandoned{};
  // Much that was written has been taken.
  std::function<void(http_exchange)> writable{};
};

class http_server {
 public:
  // Listens on `at`; its port 0 lets the kernel choose. errc::exists: the port is taken.
  static base::result<http_server> start(uv_loop_t* on, const base::socket_address& at,
                                         const http_options& options, http_handlers handlers);
  http_server(http_server&&) noexcept;
  http_server& operator=(http_server&&) noexcept;
  // Closes everything; answers given later would be to nobody.
  ~http_server();

  // The first one for an exchange is sent; one for a client that has left is dropped. Statuses below 200 are
  // the server's own.
  void answer(http_exchange to, const http_response& response);
  // As http_session has them; false: the client has left, or the exchange is not where it would have to be.
  bool begin(http_exchange to, const http_response& head, std::optional<std::uint64_t> length = {});
  http_written write(http_exchange to, std::string_view bytes);
  bool end(http_exchange to);
  // Closes the connection at once, so that the client knows that the answer is not whole.
  void break_off(http_exchange to);
  // So many bytes more of a streamed body may come.
  void grant(http_exchange to, std::size_t bytes);
  // Answers with 101 and these headers, and gives the connection away; it counts here no more. errc::invalid:
  // no upgrade was asked for, the request has a body, or its client has left.
  base::result<http_upgraded> upgrade(http_exchange to, const http_response& head);

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
