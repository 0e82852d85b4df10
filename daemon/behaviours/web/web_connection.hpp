// SPDX-License-Identifier: MIT
// One HTTP connection of a web server, as a process of its own on the worker that its socket is on. A request
// becomes a call of the process that its route names, here or on another node, or of one that it makes for
// the client; the answer, its absence and what the routes refuse are answered in the order of the requests,
// one at a time. Nothing waits on a stack:
// answers, ends and deadlines come as messages. It may become a WebSocket. Below libuv a request is only
// noted; all else is done in the process's own turn, which stays on one worker.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "behaviours/streams/given_stream.hpp"
#include "behaviours/web/access_log.hpp"
#include "behaviours/web/actor_websocket.hpp"
#include "behaviours/web/client_actor.hpp"
#include "behaviours/web/ended_requests.hpp"
#include "behaviours/web/patient_sender.hpp"
#include "behaviours/web/request_term.hpp"
#include "behaviours/web/sites.hpp"
#include "behaviours/web/streamed_bodies.hpp"
#include "net/http/http_connection.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

// What a listener tells its connections besides drain_notice, as a notice, if it is started again.
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
  // What is still to be sent of one.
  struct sent_file {
    base::unique_fd from;
    std::uint64_t offset; // of the next byte
    std::uint64_t left;   // bytes
    std::uint64_t bytes;  // in all
    int status;
  };
  // Of one that is answered by events.
  struct event_stream {
    runtime::reference sender; // the monitor of who sends them
    std::uint64_t heartbeat;   // timer, which runs on while there are events
    std::uint64_t bytes;       // sent
    std::uint64_t waiting;     // of them, since the client takes them no more
    bool full;
    base::nanos sent = 0; // when something was last
  };
  // Of one whose route says that bodies stream.
  struct streaming {
    // Kept by whoever is in it: the client may leave meanwhile, and the request be no more.
    std::shared_ptr<streamed_bodies> bodies;
    bool head_only = false;     // it is answered by no body
    int begun = 0;              // the status with which its answer has
    int refused = 0;            // what the client was told, whose body was wrong
    base::nanos progress = 0;   // when something came last
    runtime::pid watched{};     // who reads, or writes the answer
    runtime::reference watch{}; // the monitor of that; none: nobody
  };
  // The request that is worked on.
  struct exchange {
    std::uint64_t number = 0;
    std::shared_ptr<web_site> site{};
    std::optional<std::size_t> route{};
    bool in_flight = false;        // counted among those that wait
    bool waits_for_client = false; // and by its route alone
    base::nanos began = 0;
    runtime::message request{};            // to be sent; none: it is
    runtime::reference call{};             // none: nobody is asked
    std::optional<stream_place> watcher{}; // who is to be told if nobody waits for the answer any more
    std::uint64_t deadline = 0;            // timer
    access_entry entry{};
    std::optional<sent_file> file{};       // its answer has begun
    std::optional<event_stream> events{};  // likewise
    std::optional<streaming> streams{};    // where its route says so
    std::vector<runtime::message> early{}; // for the client, before its request was accepted
    std::size_t early_bytes = 0;
    bool is_counted = false;
    std::string client{};                // by the proxy's word; empty: the peer
    std::optional<std::string> origin{}; // another one, which may read the answer
    bool takes_gzip = false;
    net::http_request known{};            // the headers by which a client of GET says which copy it has
    net::http_response opening{};         // of a WebSocket: what begins it, but for the protocol
    std::vector<std::string> protocols{}; // likewise: those that the client speaks
  };

  // Where a request goes, which is known before its body has come.
  struct placed {
    web_site::found where;
    std::uint64_t version; // of the site that says so
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
  // Of the request that is noted.
  web_site::found place(const net::http_request& asked);
  void note(const net::http_request& asked, std::uint64_t number);
  void count_with(const std::string& client);
  // That request is worked on.
  bool is_current(std::uint64_t number) const;
  void route(const net::http_request& asked);
  void begin_file(const net::http_request& asked, const std::vector<std::string>& segments);
  void send_file();
  void send(runtime::process& self);
  void remind_of_deadline(runtime::process& self, base::nanos at);
  // Whom to ask; nothing: the request has been answered, for there is nobody.
  runtime::destination asked_of(runtime::process& self, const web_route& route);
  runtime::outcome take_exit(runtime::process& self, const runtime::message& m);
  // The connection is no more: the process ends, behind the actor that was its client's.
  runtime::outcome leave(runtime::process& self);
  // Of notices. False: it is none of those.
  bool take_drain(const runtime::message& m);
  bool take_deadline(runtime::process& self, const runtime::message& m);
  bool take_end(runtime::process& self, const runtime::message& m);
  bool take_answer(runtime::process& self, const runtime::message& m);
  // False: the client may not have what the route upgrades to, which it was told.
  bool may_upgrade(const net::http_request& asked);
  void begin(runtime::process& self, const accepted& by);
  void begin_events(runtime::process& self, const runtime::pid& sender);
  void begin_websocket(runtime::process& self, const accepted& by);
  runtime::outcome go_on_as_websocket(runtime::process& self);
  web_upgrade upgrade() const { return current_->site->spec().routes[*current_->route].upgrade; }
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
  // What of an answer is there is all there is: the client sees that by the connection's end.
  void cut_stream(std::string_view why, std::string_view reason);
  void watch(runtime::process& self, const runtime::pid& who);
  bool take_watched_end(const runtime::reference& of);
  // Nobody waits for the answer: whoever asked for that, or has a body of it, is told.
  void tell_aborted(std::string_view reason); // of static storage
  // Its client has gone, and somebody may still ask to be told of it.
  bool lingers(runtime::process& self);
  // False: it is not a process that has to do something, or it has.
  bool is_stream_late(runtime::process& self);
  void go_on_streaming();
  void hand_on();
  void count(int status);
  void give_leave();
  // Of the request that is worked on; the log is told why, who is at work on it the reason.
  void fail(int status, std::string_view why, std::string_view reason = "failed");
  // With 503.
  void fail(web_overload what, std::string_view why);
  // A status and a line that says it.
  void answer(int status, std::vector<net::http_header> headers = {});
  void answer(net::http_response response);
  void add_headers(net::http_response& response) const;
  void finish(int status, std::uint64_t bytes);
  void want_turn();
  void count_end(const net::http_connection::summary& of) const;
  void leave_flight(exchange& it) noexcept;
  // Whom the request waits for, the client or a process, may have changed.
  void look_who_is_waited_for();
  void end() noexcept;

  accepted_stream stream_;                 // until init
  std::shared_ptr<tcp_counters> counters_; // the listener's; null: none
  const std::shared_ptr<web_sites> sites_;
  std::shared_ptr<web_site> site_;
  std::uint64_t version_ = 0;             // of site_
  std::unique_ptr<placed> placed_;        // of the request whose body comes; null: none does
  std::shared_ptr<const web_site> first_; // whose bounds the connection has
  std::optional<net::http_connection> connection_;
  std::unique_ptr<actor_websocket> socket_; // not null: the connection is no more
  std::atomic<bool> is_websocket_{false};   // from then on
  std::unique_ptr<patient_sender> sender_;  // null: nobody was told anything yet
  std::unique_ptr<client_actor> actor_;     // null: none was made, which is done once
  ended_requests ended_;                    // of which nobody has been told
  runtime::process* self_ = nullptr;
  base::socket_address peer_address_;
  std::string peer_; // ADDRESS:PORT
  std::string peer_host_;
  std::string counted_with_;          // a client by a proxy's word; empty: the peer
  std::unique_ptr<exchange> current_; // null: it is at rest, and keeps little
  bool draining_ = false;             // it is to end soon
  bool comes_again_ = false;          // since its server is started again
  bool asked_ = false;                // receive_io() is to come
  bool over_ = false;                 // the connection is no more
  bool lingers_ = false;              // likewise, and a timer runs
};

} // namespace coppice::behaviours
