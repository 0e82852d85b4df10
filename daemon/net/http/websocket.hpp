// SPDX-License-Identifier: MIT
// A WebSocket of a server: its handshake, and then a websocket_session on a stream. A silent client is sent a
// ping; a client that does not answer it, or does not close in time, is cut off. A message that has begun has
// to end in time. The loop's thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/uv.hpp"
#include "net/deadline.hpp"
#include "net/http/http_connection.hpp"
#include "net/http/http_message.hpp"
#include "net/http/http_server.hpp"
#include "net/http/websocket_session.hpp"
#include "net/stream/stream.hpp"

namespace coppice::net {

// The answer that refuses a faulty request for a WebSocket, 400 or 426. Empty: the request is fine.
std::optional<http_response> websocket_refusal(const http_request& asked);
// The answer that accepts a request which websocket_refusal() found fine.
http_response websocket_answer(const http_request& asked);
// The subprotocols that the client offers, in its order. The answer may name one of them in the header
// websocket_protocol_header.
std::vector<std::string> websocket_protocols(const http_request& asked);
inline constexpr const char* websocket_protocol_header = "Sec-WebSocket-Protocol";

struct websocket_options {
  std::size_t message = 1 << 20;           // most bytes of a message; beyond: 1009
  std::chrono::milliseconds ping{30'000};  // of silence, then a ping is sent
  std::chrono::milliseconds pong{10'000};  // for the answer to a ping, and for the client's close
  std::chrono::milliseconds write{30'000}; // for the client to take what is queued at the end
  std::chrono::milliseconds whole{30'000}; // for a message, from its first byte to its last; then 1008
};

class websocket final : private stream_handler, private websocket_session::events {
 public:
  class owner {
   public:
    virtual void on_message(websocket_kind kind, std::string_view data) = 0;
    // The client has taken what was written, after is_full() returned true.
    virtual void on_writable() = 0;
    // The last callback, called once. The websocket may be destroyed once the call has returned to the loop.
    // Queued bytes are still sent.
    virtual void on_closed(const websocket_close& why) = 0;

   protected:
    ~owner() = default;
  };

  // `unfinished`: see websocket_session.
  websocket(uv_loop_t* loop, const websocket_options& options, owner& to,
            unfinished_bytes* unfinished = nullptr);

  // Takes over an upgraded connection. Messages may come before this returns.
  base::result<void> start(http_upgraded from);

  // See websocket_session.
  bool send(websocket_kind kind, std::string_view data) { return session_.send(kind, data); }
  bool close(const websocket_close& why);
  // Closes the connection at once, without a close frame.
  void cut(const websocket_close& why);
  bool is_open() const { return session_.is_open() && !over_; }

  // Stops reading while `held` is true.
  void hold(bool held);

  // Bytes queued here that the client has not taken; bytes in the kernel are not counted.
  std::size_t waiting();
  bool is_full();

  // Valid once the connection is closed.
  http_connection::summary ended() const { return ended_; }

 private:
  void on_data(base::bytes_span bytes) override;
  void on_drained() override {
    session_.caught_up();
    to_.on_writable();
  }
  void on_closed(base::error why) override;

  void on_message(websocket_kind kind, std::string_view data) override { to_.on_message(kind, data); }
  void on_closed(const websocket_close& why) override;
  void on_bytes(std::string_view bytes) override { stream_.write(bytes); }
  bool is_behind() override { return is_full(); }

  void time_message();
  void on_deadline();
  void leave(const websocket_close& why);

  uv_loop_t* const loop_;
  const websocket_options options_;
  owner& to_;
  stream stream_;
  websocket_session session_;
  deadline deadline_;       // runs for silence, for the answer to a ping, or for the client's close
  deadline late_;           // runs while a message has come in part and reading is not held
  std::uint64_t timed_ = 0; // came_whole() when late_ was started, to tell messages apart
  bool asked_ = false;      // a ping has been sent and not answered
  bool held_ = false;
  bool over_ = false;
  http_connection::summary ended_{};
};

} // namespace coppice::net
