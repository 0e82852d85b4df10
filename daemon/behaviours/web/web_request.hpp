// SPDX-License-Identifier: MIT
// One request at a web server's connection, from its head to its line in the access log: its route, the
// process that is asked, what an answer has to have, and its state (web_request_state.hpp). The counts of
// requests follow from the state: a request that is destroyed counts no more, wherever it was. The connection
// brings messages and the client's bytes, and sends the answer. The connection's process, or libuv's
// callbacks on its worker.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "behaviours/web/access_log.hpp"
#include "behaviours/web/request_term.hpp"
#include "behaviours/web/sites.hpp"
#include "behaviours/web/streamed_bodies.hpp"
#include "behaviours/web/web_request_state.hpp"
#include "net/http/http_message.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

class web_request {
 public:
  // The part of a file that is left to send.
  struct sent_file {
    base::unique_fd from;
    std::uint64_t offset; // of the next byte
    std::uint64_t left;   // bytes
    std::uint64_t bytes;  // bytes in all
    int status;
  };
  // A request that is answered by events.
  struct event_stream {
    runtime::reference sender;   // the monitor of the process that sends them
    std::uint64_t heartbeat = 0; // timer; runs as long as there are events
    std::uint64_t bytes = 0;     // bytes sent
    std::uint64_t waiting = 0;   // of these, bytes written since the client stopped taking them
    bool full = false;
    base::nanos sent = 0; // when an event was last sent
  };
  // A request whose route says that bodies stream.
  struct streaming {
    // Shared, so that a function that uses it keeps it: the client may leave, and the request end, meanwhile.
    std::shared_ptr<streamed_bodies> bodies;
    bool head_only = false;     // the request is HEAD: its answer has no body
    int status = 0;             // of the answer, once it has begun
    int refused = 0;            // the status with which the client's body was refused; 0: it was not
    base::nanos progress = 0;   // when something last came
    runtime::pid watched{};     // the process that reads, or writes the answer
    runtime::reference watch{}; // its monitor; none: no process
  };
  // A request that asks for a WebSocket.
  struct websocket_offer {
    net::http_response opening{};         // the answer that begins it, without the protocol
    std::vector<std::string> protocols{}; // that the client offers
  };

  // `all` outlives it. Number 0: the session has not handed the request out.
  web_request(std::uint64_t number, std::shared_ptr<web_site> at, web_sites& all);
  ~web_request();
  web_request(const web_request&) = delete;
  web_request& operator=(const web_request&) = delete;

  // Takes what the answer and the log need of the head. `peer`: the other end of the connection, which may be
  // a proxy.
  void note(const net::http_request& asked, const base::socket_address& peer);

  std::uint64_t number() const { return number_; }
  base::nanos began() const { return began_; }
  // The client that a proxy named. Empty: the peer.
  const std::string& client() const { return client_; }
  const web_site& site() const { return *site_; }
  const web_spec& spec() const { return site_->spec(); }
  void take_route(std::size_t index) { route_ = index; }
  bool has_route() const { return route_.has_value(); }
  // Only if it has a route.
  const web_route& route() const { return spec().routes[*route_]; }

  bool is(web_request_state one) const { return state_.is(one); }
  bool is_in_flight() const { return state_.is_in_flight(); }
  void advance(web_request_event on) noexcept;
  // It is queued for its route's process. False: as many requests wait already as may.
  bool enter();

  // The message for the process, kept while the request is queued.
  void set_message(runtime::message what) { message_ = std::move(what); }
  runtime::message take_message() { return std::exchange(message_, {}); }
  // The monitor of the process that is asked, by which it answers. None: no process is asked.
  const runtime::reference& call() const { return call_; }
  void set_call(runtime::reference by) { call_ = std::move(by); }
  void forget_call() { call_ = {}; }
  // The process that is told if the answer is no longer wanted.
  void set_watcher(stream_place who) { watcher_ = std::move(who); }
  std::optional<stream_place> take_watcher() { return std::exchange(watcher_, std::nullopt); }

  // Sets a timer whose message to the connection's process has the number of this request.
  void remind_of_deadline(runtime::process& self, base::nanos at);
  static bool read_deadline(const runtime::message& m, std::uint64_t& number);
  void cancel_deadline(runtime::process& self);
  // The timer has fired, or ends with the process.
  void forget_deadline() { deadline_ = 0; }

  // Keeps a message for the client that came before the request was accepted, unless it is too much.
  void keep_early(runtime::message m);
  std::vector<runtime::message> take_early();

  void offer_websocket(const net::http_request& asked);
  websocket_offer& websocket() { return *websocket_; }
  // The answer begins as a file, as events, or as a body that a process writes.
  void begin_file(sent_file what);
  void begin_events(event_stream what, int status);
  void begin_stream(int status);
  sent_file& file() { return *file_; }
  event_stream& events() { return *events_; }

  // The bodies of the request stream from now on.
  void set_streams(streaming what) { streams_ = std::move(what); }
  // Null: its route does not say that bodies stream.
  streaming* streams() { return streams_ ? &*streams_ : nullptr; }
  const streaming* streams() const { return streams_ ? &*streams_ : nullptr; }
  // Called when it may have begun, or ceased, to wait for the client.
  void look_who_is_waited_for();
  // Monitors the process that reads its body or writes its answer, in place of another.
  void watch(runtime::process& self, const runtime::pid& who);
  // False: it is the client's turn, or the process has done something in time.
  bool is_stream_late(runtime::process& self);

  // Adds the headers that the route and the site have for all answers.
  void add_headers(net::http_response& response) const;
  // Completes a whole answer: adds headers, compresses it, or makes it a 304 if the client has a copy.
  void complete(net::http_response& response);
  // Ends the request: its monitors and timers, its counts and its line in the log. `peer`: the address in
  // that line, unless a proxy named a client.
  void finish(runtime::process& self, int status, std::uint64_t bytes, const std::string& peer);

 private:
  void count(int status);

  const std::uint64_t number_;
  const std::shared_ptr<web_site> site_;
  web_sites& all_;
  const base::nanos began_;
  web_request_progress state_{};
  std::optional<std::size_t> route_{};
  runtime::message message_{};
  runtime::reference call_{};
  std::optional<stream_place> watcher_{};
  std::uint64_t deadline_ = 0; // timer; 0: none
  access_entry entry_{};
  std::optional<sent_file> file_{};
  std::optional<event_stream> events_{};
  std::optional<streaming> streams_{};
  std::optional<websocket_offer> websocket_{};
  std::vector<runtime::message> early_{};
  std::size_t early_bytes_ = 0;
  std::string client_{};
  std::optional<std::string> origin_{}; // another origin, whose page may read the answer
  bool takes_gzip_ = false;
  net::http_request known_{}; // headers by which the client says which copy it has
};

} // namespace coppice::behaviours
