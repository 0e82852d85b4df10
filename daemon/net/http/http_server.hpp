// SPDX-License-Identifier: MIT
// An HTTP/1.1 server on a libuv loop: keep-alive, pipelining, HEAD, bodies of requests and answers in memory
// or in pieces, TLS, upgrades to other protocols, and a bound and a deadline on everything a client may do.
// Its owner supplies handlers that answer the requests. The loop's thread.
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
  std::chrono::milliseconds body{30'000};  // from the head's end, or a streamed body's newest part; then 408
  std::chrono::milliseconds idle{30'000};  // between two requests; then the connection is closed
  std::chrono::milliseconds write{30'000}; // for the client to take an answer
  // Until the answer to a client begins that has ended its side, which looks like one that has left; then the
  // request is abandoned. 0: no limit.
  std::chrono::milliseconds ended{0};
};

struct http_options {
  // Most connections without a whole request, by the policy of admission_limit.hpp. A connection whose
  // request is being answered is not closed by the limit; including those there may be four times as many
  // before further clients wait in the kernel's backlog.
  std::size_t connections = 64;
  std::uint64_t requests = 10'000; // of one connection; then it is closed
  http_limits limits{};
  keeping kept{}; // where the listening socket is kept
  http_timeouts timeouts{};
  std::shared_ptr<tls_source> tls{}; // has a certificate; null: no TLS
};

// Names a request: its connection, and its number on that connection.
struct http_exchange {
  std::uint64_t connection = 0;
  std::uint64_t number = 0;
};

// The result of writing a part of an answer. `taken`: accepted. `full`: accepted, but much of the answer
// waits for the client; the caller waits for `writable` before it writes more. A client that does not take it
// in time is dropped. `gone`: dropped, there is no such request any more.
enum class http_written { taken, full, gone };

// A connection that speaks another protocol from now on, and the bytes of it that the client has sent
// already.
struct http_upgraded {
  detached_stream connection;
  std::string first;
};

// The owner's callbacks. All but `handle` may be empty.
struct http_handlers {
  // Called for each request; the reference is valid until it returns. The answer may be given then or later.
  std::function<void(const http_request&, http_exchange)> handle;
  // Decides how a request's body is taken, before `handle`. Empty: requests come with their whole body.
  std::function<http_body_plan(const http_request&)> plan{};
  // A part of a streamed body; empty only if it is the last.
  std::function<void(http_exchange, std::string_view part, bool last)> body{};
  // An answer is no longer wanted: the client is gone, or its body was wrong.
  std::function<void(http_exchange)> abandoned{};
  // The client has taken enough, after write() returned `full`.
  std::function<void(http_exchange)> writable{};
  // May change the body and the headers of an answer that the server makes by itself (400, 408, 413, …). The
  // request is null where its head was not understood.
  std::function<void(const http_request*, http_response&)> refusing{};
};

class http_server {
 public:
  // Listens on `at`; port 0 lets the kernel choose. errc::exists: the port is taken.
  static base::result<http_server> start(uv_loop_t* on, const base::socket_address& at,
                                         const http_options& options, http_handlers handlers);
  http_server(http_server&&) noexcept;
  http_server& operator=(http_server&&) noexcept;
  // Closes all connections.
  ~http_server();

  // Sends the answer, with a status of at least 200. Dropped if the client has left or has an answer already.
  void answer(http_exchange to, const http_response& response);
  // See http_session. False: the client has left, or the exchange is not in the state for the call.
  bool begin(http_exchange to, const http_response& head, std::optional<std::uint64_t> length = {});
  http_written write(http_exchange to, std::string_view bytes);
  bool end(http_exchange to);
  // Closes the connection at once, so that the client sees that the answer is not whole.
  void break_off(http_exchange to);
  // Allows so many more bytes of a streamed body.
  void grant(http_exchange to, std::size_t bytes);
  // Answers with 101 and these headers, and hands the connection over; it no longer counts here.
  // errc::invalid: no upgrade was asked for, the request has a body, or the client has left.
  base::result<http_upgraded> upgrade(http_exchange to, const http_response& head);
  // The address of the client. Empty: it has left.
  std::optional<base::socket_address> client(http_exchange of) const;

  // Closes the listening socket. Connections stay; address() may not be called any more.
  void accept_no_more();
  // Whether a request is being worked on, or a connection has not begun its first one.
  bool owes() const;

  base::socket_address address() const;
  std::size_t connections() const;
  // How often each status was answered, including the server's own refusals.
  const std::map<int, std::uint64_t>& answered() const;

 private:
  class inner;
  explicit http_server(std::unique_ptr<inner> made);
  std::unique_ptr<inner> inner_;
};

} // namespace coppice::net
