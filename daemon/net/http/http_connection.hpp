// SPDX-License-Identifier: MIT
// One connection of an HTTP server: an http_session on a stream, with deadlines. Takes one request in a turn
// of the loop, so that a client that sends many gets no more of the thread than others; what it sent behind a
// request waits here (at most a buffer's worth) and in the kernel. Every state in which the connection waits
// for the client has a deadline. Used by http_server and by owners that manage their connections themselves.
// The loop's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/uv.hpp"
#include "net/deadline.hpp"
#include "net/http/http_server.hpp"
#include "net/http/http_session.hpp"
#include "net/stream/stream.hpp"

namespace coppice::net {

// Why a connection ended.
enum class http_end : std::uint8_t {
  done,   // closed by either side, with no answer owed
  broken, // by the network, or in the middle of an answer
  silent, // the client sent nothing in time, or the limit ended it
  slow,   // the client did not take an answer in time
};

class http_connection final : private stream_handler, private http_session::events {
 public:
  class owner {
   public:
    virtual http_body_plan plan(const http_request& asked) = 0;
    virtual void ask(const http_request& asked, std::uint64_t connection, std::uint64_t number) = 0;
    virtual void take_body(http_exchange of, std::string_view part, bool last) = 0;
    virtual void abandoned(http_exchange it) = 0;
    // The client has taken enough, after a write() that returned `full`.
    virtual void writable(http_exchange it) = 0;
    // See http_session::events.
    virtual void refusing(const http_request* /*asked*/, http_response& /*answer*/) {}
    virtual void answered(int /*status*/) {}
    // The client that waits for this answer sends nothing more. It may be gone, which shows only when
    // something is written.
    virtual void said_all(http_exchange) {}
    // The last callback, called once. The connection may be destroyed once the call has returned to the
    // loop.
    virtual void gone(std::uint64_t connection) = 0;

   protected:
    ~owner() = default;
  };

  // `unfinished`: see http_session.
  http_connection(uv_loop_t* loop, stream socket, const http_options& options, std::uint64_t number,
                  owner& to, unfinished_bytes* unfinished = nullptr);

  // See http_server.
  void answer(std::uint64_t number, const http_response& response);
  bool begin(std::uint64_t number, const http_response& head, std::optional<std::uint64_t> length);
  http_written write(std::uint64_t number, std::string_view bytes);
  // Sends what the socket takes at once of a file, without a copy. Returns the bytes sent; 0: none, use
  // write().
  std::size_t send_file(std::uint64_t number, int file, std::uint64_t offset, std::size_t most);
  bool end(std::uint64_t number);
  void break_off(std::uint64_t number);
  void grant(std::uint64_t number, std::size_t bytes);
  base::result<http_upgraded> upgrade(std::uint64_t number, const http_response& head);

  // Makes the current request the last. Without one the connection closes; gone() may come before this
  // returns.
  void end_soon();

  // Valid once gone() was called.
  struct summary {
    http_end how = http_end::done;
    std::uint64_t read = 0; // bytes
    std::uint64_t written = 0;
  };
  summary ended() const { return ended_.value_or(summary()); }

  void count_with(const base::socket_address& client) { stream_.count_with(client); }
  // The client's address. Empty: the connection is over.
  std::optional<base::socket_address> client() const;
  // A request is being worked on, or the first one has not begun.
  bool owed() const;
  // Whether the client sends nothing more.
  bool has_said_all() const { return session_.input_ended(); }

 private:
  // The step that the deadline is for.
  enum class wait : std::uint8_t { request, head, body, owner, draining, over };

  void on_data(base::bytes_span bytes) override;
  void on_drained() override;
  bool on_end() override;
  void on_closed(base::error why) override;

  http_body_plan plan_body(const http_request& asked) override { return to_.plan(asked); }
  void on_request(const http_request& asked, std::uint64_t number) override;
  void on_body(std::uint64_t number, std::string_view part, bool last) override;
  void on_abandoned(std::uint64_t number) override { to_.abandoned({id_, number}); }
  void on_refusal(const http_request* asked, http_response& answer) override { to_.refusing(asked, answer); }
  void on_answered(int status) override { to_.answered(status); }
  void on_bytes(std::string_view bytes) override { stream_.write(bytes); }

  void go_on();
  // Acts on the session's state. `more`: the session has unread input.
  void settle(bool more);
  wait waits_for() const;
  void enter(wait next);
  // Bounds the time until an owner begins its answer to a client that has ended its side.
  void await_answer();
  void hold(bool held);
  void read_or_pause(bool more);
  void watch_for_reset();
  bool is_full();
  void on_deadline();
  // Closes at once.
  void drop(http_end how);
  // Closes when all is written.
  void finish();
  void note_end(http_end how);
  void leave();

  const http_options& options_;
  const std::uint64_t id_;
  owner& to_;
  stream stream_;
  http_session session_;
  deadline deadline_;
  deadline stall_;           // runs while the client does not take the answer
  base::uv::idle next_turn_; // runs when the next request has been received and waits for its turn
  // libuv does not report the end of a connection that is not read. A second descriptor of the socket detects
  // a reset, from the first such moment to the end of its request.
  struct second_look {
    base::unique_fd socket;
    base::uv::poll of; // closed before the descriptor
  };
  std::unique_ptr<second_look> reset_; // null: not needed yet, or no descriptor was free
  wait wait_ = wait::request;
  std::uint64_t seen_ = 0; // the request number at the last change of wait_
  bool held_ = false;      // the place of the admission limit is held: the client waits for an answer
  bool stepping_ = false;  // go_on() is running
  bool draining_ = false;  // the last answer has to leave before the next request is read
  bool told_full_ = false;
  bool answering_ = false; // the owner has begun its answer to the request
  std::optional<summary> ended_;
};

} // namespace coppice::net
