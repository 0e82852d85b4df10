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
#include <utility>

#include "api/protocol.hpp"
#include "base/error.hpp"
#include "net/listening/socket_store.hpp"

namespace coppice::control {

struct server_options {
  std::string path;  // of the socket; its folder exists
  std::string group; // its members may connect; empty, or a group that does not exist (warned about): none
  std::uint32_t mode = 0660;
  // Connections at once, by the policy of net/admission/admission_limit.hpp, in which a client has spoken
  // when a whole request has come. Four times as many may have a request that is being worked on before more
  // wait to be accepted.
  std::size_t connections = 64;
  net::socket_store* sockets = nullptr; // keeps the socket, and outlives the server; null: it is not kept
  // May be empty. Called on the control thread at once, whenever look() asks for it, and after the time that
  // its last call returned; must not block.
  std::function<std::chrono::milliseconds()> looks = {};
};

// Takes the reply to a request that did not come by the socket.
using done_function = std::function<void(api::reply)>;

class answers; // the queue to the control thread; shared with every open `answer`

// A request of a connection. Connection 0: requests that did not come by the socket.
struct request_id {
  std::uint64_t connection = 0;
  std::uint64_t number = 0;
};

// Takes one answer, on any thread, at once or later. A second answer is ignored, and an answer for a client
// that has left is dropped. A request whose `answer` is destroyed unused is answered with an internal error.
class answer {
 public:
  answer(std::shared_ptr<answers> to, request_id of);
  answer(answer&&) noexcept = default;
  answer& operator=(answer&&) = delete;
  ~answer();

  void operator()(const api::reply& reply);
  // Gives an answer that is made on the control thread when it is to be written. It is not made for a client
  // that has left.
  void later(std::function<api::reply()> make);

 private:
  void put(const api::reply& reply);
  std::shared_ptr<answers> to_;
  request_id of_;
};

// The client that asks: the process at the other end of the socket, as it was when it connected, or a client
// of the node's HTTP.
struct caller {
  static constexpr std::uint32_t nobody = 0xffff'ffff; // no user has this id

  std::uint32_t uid = nobody;
  std::int32_t pid = 0;    // 0: of another namespace, or not known
  api::claims claims = {}; // of each request
  std::string http =
      {}; // the address of a client over HTTP, without uid and pid; empty: it came by the socket
  std::string token = {}; // the name of the token that a client over HTTP gave; empty: it gave none
  bool sees_state = true; // it has the right `state`
  bool acts = true;       // false: over HTTP it uses a row of the table that only shows
};

// The work that is left for a request when its function has returned.
struct pending {
  std::optional<std::chrono::milliseconds> patience; // then the client gets `overdue`; none: no limit
  // May be empty; called if the request timed out or its connection ended first. Control thread.
  std::function<void()> give_up = {};
  // Makes the reply if the request timed out, and is called before give_up; empty: an error that it was not
  // done in time. Control thread.
  std::function<api::reply()> overdue = {};
};

// The reply to a request that timed out. A bare text would be taken for a reply that succeeds: JSON is made
// from it.
inline api::reply not_in_time(std::string why) {
  return api::reply(unexpect, api::failure{base::errc::timeout, "request", std::move(why), {}});
}

// Called on the control thread; must not block for long.
using request_function = std::function<pending(api::request, const caller&, answer)>;

class server {
 public:
  // errc::exists: another process listens there already.
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

  // Makes the control thread call `looks` soon, before it writes answers that are given from now on. Any
  // thread.
  void look();

 private:
  class inner;
  explicit server(std::unique_ptr<inner> made);
  std::unique_ptr<inner> inner_;
};

} // namespace coppice::control
