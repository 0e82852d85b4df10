// SPDX-License-Identifier: MIT
// One HTTP connection of a web server. It is a process of its own, on the worker of its socket. A request
// becomes a call to the process that its route names, here or on another node, or to an actor made for the
// client. The outcome of the call, or the routes' refusal, is the answer; requests are answered one at a
// time, in order. Nothing waits on a stack: answers, ends of processes and deadlines come as messages. The
// connection may become a WebSocket. libuv's callbacks only record a request; everything else runs in a turn
// of the process, which stays on one worker.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "behaviours/streams/given_stream.hpp"
#include "behaviours/web/actor_websocket.hpp"
#include "behaviours/web/client_actor.hpp"
#include "behaviours/web/ended_requests.hpp"
#include "behaviours/web/patient_sender.hpp"
#include "behaviours/web/request_term.hpp"
#include "behaviours/web/sites.hpp"
#include "behaviours/web/streamed_bodies.hpp"
#include "behaviours/web/web_request.hpp"
#include "net/http/http_connection.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

// A listener's notice to its connections, in place of drain_notice, when it will be started again.
inline constexpr std::string_view drain_for_restart_notice = "$coppice_drain_for_restart";

class web_connection final : public runtime::behaviour,
                             private net::http_connection::owner,
                             private streamed_bodies::connection {
 public:
  web_connection(accepted_stream stream, std::shared_ptr<web_sites> sites);
  ~web_connection() override;

  runtime::outcome init(runtime::process& self) override;
  runtime::outcome receive(runtime::process& self, runtime::message m) override;
  runtime::outcome receive_io(runtime::process& self) override;
  void died(runtime::process&) noexcept override { end(); }
  void describe(runtime::description& out) const override { // any thread
    out.behaviour = is_websocket_.load(std::memory_order_relaxed) ? "websocket" : "http";
  }

 private:
  // The route of a request, found before its body has come.
  struct placed {
    web_site::found where;
    std::uint64_t version; // of the site that was asked
  };

  net::http_body_plan plan(const net::http_request& asked) override;
  void ask(const net::http_request& asked, std::uint64_t connection, std::uint64_t number) override;
  void take_body(net::http_exchange of, std::string_view part, bool last) override;
  void abandoned(net::http_exchange it) override;
  void writable(net::http_exchange it) override;
  void refusing(const net::http_request* asked, net::http_response& answer) override;
  void said_all(net::http_exchange it) override;
  void gone(std::uint64_t connection) override;

  void grant_body(std::size_t bytes) override;
  net::http_written write_answer(std::string_view part) override;
  bool end_answer() override;
  void tell(const runtime::pid& to, runtime::message m) override;
  bool is_behind() const override { return sender_ && !sender_->empty(); }

  const std::shared_ptr<web_site>& site();
  // Takes the result of plan() if the site is the same, else asks the site.
  web_site::found place(const net::http_request& asked);
  void note(const net::http_request& asked, std::uint64_t number);
  void count_with(const std::string& client);
  // Whether this is the current request.
  bool is_current(std::uint64_t number) const;
  // Whether there is a current request, and in this state.
  bool is_at(web_request_state one) const { return current_ && current_->is(one); }
  void route(const net::http_request& asked);
  void begin_file(const net::http_request& asked, const std::vector<std::string>& segments);
  void send_file();
  void send(runtime::process& self);
  // The process to ask. Kind none: there is none, and the request has been answered.
  runtime::destination asked_of(runtime::process& self, const web_route& route);
  runtime::outcome take_exit(runtime::process& self, const runtime::message& m);
  // Whether the process, whose connection is gone, stays for messages that a mailbox has no room for. False:
  // it has stayed for `most`.
  bool waits_for_room(runtime::process& self, base::nanos most);
  // The exit reason of this process when it has nothing left to do.
  runtime::message end_reason() const;
  // The connection is gone: ends the process, but not before the actor made for the client.
  runtime::outcome leave(runtime::process& self);
  // The take_…() functions take a message. False: it is another kind of message.
  bool take_drain(const runtime::message& m);
  bool take_deadline(runtime::process& self, const runtime::message& m);
  bool take_end(runtime::process& self, const runtime::message& m);
  bool take_answer(runtime::process& self, const runtime::message& m);
  // False: the client may not have what the route upgrades to, and has been told.
  bool may_upgrade(const net::http_request& asked);
  void begin(runtime::process& self, const accepted& by);
  void begin_events(runtime::process& self, const runtime::pid& sender);
  void begin_websocket(runtime::process& self, const accepted& by);
  runtime::outcome go_on_as_websocket(runtime::process& self);
  void take_output(runtime::process& self, runtime::message m);
  void send_event(etf::bytes event);
  void remind_of_heartbeat(base::nanos at);
  bool take_heartbeat(const runtime::message& m);
  // False: the stream is over.
  bool send_events(std::string_view text);
  void end_events();
  void write_streamed(const net::http_request& asked, const request_facts& facts);
  void begin_stream(runtime::process& self, streamed_answer answer);
  void take_stream_order(runtime::process& self, const runtime::message& m);
  void settle_stream(streamed_bodies::state now, const std::shared_ptr<streamed_bodies>& of);
  // Breaks the answer off where it is; the client sees that by the end of the connection.
  void cut_stream(std::string_view why, std::string_view reason);
  bool take_watched_end(const runtime::reference& of);
  // Tells the process that watches the request, and those that have its bodies, that the answer is no longer
  // wanted.
  void tell_aborted(std::string_view reason); // `reason` has static storage
  // Whether the process stays, because the client has gone and a process may still ask to be told.
  bool lingers(runtime::process& self);
  void go_on_streaming();
  void hand_on();
  void give_leave();
  // Answers the current request with an error. `why` is logged; `reason` is told to the processes at work on
  // it.
  void fail(int status, std::string_view why, std::string_view reason = "failed");
  // Answers with 503.
  void fail(web_overload what, std::string_view why);
  // Answers with a status and a line of text that says it.
  void answer(int status, std::vector<net::http_header> headers = {});
  void answer(net::http_response response);
  // Ends the current request. The connection is not touched.
  void finish(int status, std::uint64_t bytes);
  void want_turn();
  void count_end(const net::http_connection::summary& of) const;
  void end() noexcept;

  accepted_stream stream_;                 // until init()
  std::shared_ptr<tcp_counters> counters_; // the listener's; null: none
  const std::shared_ptr<web_sites> sites_;
  std::shared_ptr<web_site> site_;
  std::uint64_t version_ = 0;             // of site_
  std::unique_ptr<placed> placed_;        // of the request whose body is coming; null: none
  std::shared_ptr<const web_site> first_; // its bounds hold for the whole connection
  std::optional<net::http_connection> connection_;
  std::unique_ptr<actor_websocket> socket_; // not null: connection_ is gone
  std::atomic<bool> is_websocket_{false};   // set once socket_ is
  std::unique_ptr<patient_sender> sender_;  // null: no message was sent yet
  std::unique_ptr<client_actor> actor_;     // null: none was made; at most one is
  ended_requests ended_;                    // ended requests that no process was told of
  runtime::process* self_ = nullptr;
  base::socket_address peer_address_;
  std::string peer_; // ADDRESS:PORT
  std::string peer_host_;
  std::string counted_with_;             // the client that a proxy named; empty: the peer
  std::unique_ptr<web_request> current_; // null: no request; little memory is kept then
  base::nanos leaves_at_ = 0;            // when waits_for_room() ends; 0: it has not begun
  bool draining_ = false;                // it has to end soon
  bool comes_again_ = false;             // its server will be started again
  bool asked_ = false;                   // receive_io() was requested
  bool over_ = false;                    // the connection is gone
  bool asked_for_websocket_ = false;     // an actor may have accepted the client
  bool lingers_ = false;                 // the connection is gone, and a timer runs
};

} // namespace coppice::behaviours
