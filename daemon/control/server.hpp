// SPDX-License-Identifier: MIT
// The control socket: a thread of its own with a loop of its own, so that an operator is answered even
// when every worker is stuck. It reads requests a line each, hands them to the given function and writes
// the answers back; a connection's requests are answered one after the other, in order.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/protocol.hpp"
#include "base/error.hpp"
#include "net/listening/socket_store.hpp"

namespace coppice::control {

struct server_options {
  std::string path;  // of the socket; its folder exists
  std::string group; // that may connect; empty, or one that does not exist (warned about): none
  std::uint32_t mode = 0660;
  // At once, by the policy of net/admission/admission_limit.hpp: a whole request is what has to be said. Of
  // those whose request is being worked on there may be four times as many before more wait to be accepted.
  std::size_t connections = 64;
  net::socket_store* sockets = nullptr; // where the socket is kept, outliving the server; null: nowhere
  // May be empty. Called on the control thread at once, whenever look() asks for it, and each time as much
  // later as it said; must not block.
  std::function<std::chrono::milliseconds()> looks = {};
};

// What becomes of the reply to a request that did not come by the socket.
using done_function = std::function<void(api::reply)>;

class answers; // what the control thread has been given to write; shared with every open `answer`

// Which request of which connection. Connection 0: requests that did not come by the socket.
struct request_id {
  std::uint64_t connection = 0;
  std::uint64_t number = 0;
};

// Takes one answer, on any thread, at once or later; a second one is ignored, and one for a client that
// has left is dropped. A request whose `answer` is destroyed unused is answered with an internal error.
class answer {
 public:
  answer(std::shared_ptr<answers> to, request_id of);
  answer(answer&&) noexcept = default;
  answer& operator=(answer&&) = delete;
  ~answer();

  void operator()(const api::reply& reply);
  // One that is made on the control thread when it is to be written, and not at all for a client that has
  // left.
  void later(std::function<api::reply()> make);

 private:
  void put(const api::reply& reply);
  std::shared_ptr<answers> to_;
  request_id of_;
};

// The client that asks: the process at the other end of the socket, as it was when it connected, or a client
// of the node's HTTP.
struct caller {
  std::uint32_t uid = 0;
  std::int32_t pid = 0;    // 0: of another namespace, or not known
  api::claims claims = {}; // of each request
  std::string http =
      {}; // the address of a client over HTTP, without uid and pid; empty: it came by the socket
  std::string token = {}; // of one over HTTP that gave the node's token: the token's name; empty: it did not
  bool sees_state = true; // has the right `state`
  bool acts = true;       // false: over HTTP it uses a row of the table that only shows
};

// What is left to do for a request when its function has returned.
struct pending {
  std::optional<std::chrono::milliseconds> patience; // then the client gets what `overdue` says
  // May be empty; called if it timed out or its connection ended first. Control thread.
  std::function<void()> give_up = {};
  // May be empty: an error that it was not done in time. Called before give_up if it timed out. Control
  // thread.
  std::function<api::reply()> overdue = {};
};

// Called on the control thread; must not block for long.
using request_function = std::function<pending(api::request, const caller&, answer)>;

class server {
 public:
  // errc::exists: somebody listens there already.
  static base::result<std::unique_ptr<server>> start(const server_options& options, request_function handle);

  // Closes the socket and the connections and ends the thread; answers given later are dropped.
  ~server();
  server(const server&) = delete;

  // Works on a request that did not come by the socket, as on one that did. `done` is called once, on the
  // control thread, unless the request is given up before; if the server ends, the reply is an error. The
  // number is for give_up(). Any thread.
  std::uint64_t ask(api::request what, caller from, done_function done);
  // The reply is not wanted any more. Any thread.
  void give_up(std::uint64_t request);

  // Has `looks` called soon, before answers that are given from now on are written. Any thread.
  void look();

 private:
  class inner;
  explicit server(std::unique_ptr<inner> made);
  std::unique_ptr<inner> inner_;
};

} // namespace coppice::control
