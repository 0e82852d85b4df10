// SPDX-License-Identifier: MIT
// A WebSocket of a server: its handshake, and then a websocket_session on a stream. A client from which
// nothing comes is asked by a ping whether it is there; one that does not answer, or does not close when it
// is to, is cut. A message that was begun has to end in time. The loop's thread.
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
#include "net/http/http_connection.hpp"
#include "net/http/http_message.hpp"
#include "net/http/http_server.hpp"
#include "net/http/websocket_session.hpp"
#include "net/stream/stream.hpp"

namespace coppice::net {

// What is wrong with a request for a WebSocket: 400, or 426 with what there is instead. Nothing: it is one.
std::optional<http_response> websocket_refusal(const http_request& asked);
// The answer, to a request of which websocket_refusal says nothing.
http_response websocket_answer(const http_request& asked);
// Those that the client speaks, in its order. One of them may be named in the answer, in this header.
std::vector<std::string> websocket_protocols(const http_request& asked);
inline constexpr const char* websocket_protocol_header = "Sec-WebSocket-Protocol";

struct websocket_options {
  std::size_t message = 1 << 20;           // bytes of one at most
  std::chrono::milliseconds ping{30'000};  // of silence
  std::chrono::milliseconds pong{10'000};  // for the answer to that, and to a close
  std::chrono::milliseconds write{30'000}; // for what is left to be written when it is closed
  std::chrono::milliseconds whole{30'000}; // for a message, from its first byte to its last; then 1008
};

class websocket final : private stream_handler, private websocket_session::events {
 public:
  class owner {
   public:
    virtual void on_message(websocket_kind kind, std::string_view data) = 0;
    // What was written has left, after is_full() said that there was much.
    virtual void on_writable() = 0;
    // Once, last; it is destroyed when that has returned to the loop. What is written still leaves.
    virtual void on_closed(const websocket_close& why) = 0;

   protected:
    ~owner() = default;
  };

  // `unfinished`: as websocket_session has it.
  websocket(uv_loop_t* loop, const websocket_options& options, owner& to,
            unfinished_bytes* unfinished = nullptr);

  // Goes on with a connection that was upgraded. Messages may come before this returns.
  base::result<void> start(http_upgraded from);

  // As websocket_session has them.
  bool send(websocket_kind kind, std::string_view data) { return session_.send(kind, data); }
  bool close(const websocket_close& why);
  // At once, without another word.
  void cut(const websocket_close& why);
  bool is_open() const { return session_.is_open() && !over_; }

  // Nothing is read while held.
  void hold(bool held);

  // Bytes that the client has not taken; what the kernel has is not among them.
  std::size_t waiting();
  bool is_full();

  // Once it is closed.
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
  base::uv::timer deadline_; // of silence, of the answer to a ping, or of the client's close
  base::uv::timer late_;     // runs while a message has come in part, and is read
  std::uint64_t timed_ = 0;  // which: so many have come whole
  bool asked_ = false;       // a ping is to be answered
  bool held_ = false;
  bool over_ = false;
  http_connection::summary ended_{};
};

} // namespace coppice::net
