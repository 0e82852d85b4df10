// SPDX-License-Identifier: MIT
// The server's end of a WebSocket (RFC 6455) without its socket and its clock: bytes of the client go in,
// messages and bytes for the client come out. Frames are wslay's, whose reader keeps 4 KiB of them, so that
// one is lent to a session only while one has not come whole: a connection at rest needs none. Pings are
// answered, of a client that does not read the newest alone (RFC 6455, 5.5.3); a client's close is, and
// whoever breaks the protocol is told its code; nothing is read after that. No extensions. One thread; events
// may call back in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/http/unfinished_bytes.hpp"

struct wslay_frame_context;
struct wslay_frame_iocb;

namespace coppice::net {

enum class websocket_kind : std::uint8_t { text, binary };

// Why one is closed, as RFC 6455, 7.4.1, has codes.
struct websocket_close {
  static constexpr std::uint16_t normal = 1000;
  static constexpr std::uint16_t going_away = 1001;
  static constexpr std::uint16_t protocol_error = 1002;
  static constexpr std::uint16_t none = 1005;     // it said nothing; never sent
  static constexpr std::uint16_t abnormal = 1006; // the connection broke; never sent
  static constexpr std::uint16_t not_utf8 = 1007;
  static constexpr std::uint16_t policy = 1008;
  static constexpr std::uint16_t too_big = 1009;
  static constexpr std::uint16_t internal_error = 1011;
  static constexpr std::uint16_t service_restart = 1012;
  static constexpr std::uint16_t try_again_later = 1013;
  static constexpr std::size_t longest_reason = 123; // bytes

  std::uint16_t code = none;
  std::string reason{}; // UTF-8

  // A code that an end may send.
  static bool is_code(std::uint64_t code);
};

class websocket_session {
 public:
  class events {
   public:
    // Whole, text being UTF-8; valid until it returns.
    virtual void on_message(websocket_kind kind, std::string_view data) = 0;
    // Both ends have said that it is closed, or the client broke the protocol: the connection is to be closed
    // when all is sent. Once, last.
    virtual void on_closed(const websocket_close& why) = 0;
    // For the client.
    virtual void on_bytes(std::string_view bytes) = 0;
    // Much of that is not taken yet: caught_up() is called when it is.
    virtual bool is_behind() = 0;

   protected:
    ~events() = default;
  };

  // `most`: bytes of a message; beyond, it is closed with 1009. `unfinished`: of the messages of all; beyond,
  // it is closed with 1013; null: no bound; outlives it.
  websocket_session(std::size_t most, events& to, unfinished_bytes* unfinished = nullptr);
  ~websocket_session();

  void feed(std::string_view bytes);

  // The following are false, and do nothing, once it is closed by either end.

  // Text is to be UTF-8.
  bool send(websocket_kind kind, std::string_view data);
  bool ping();
  void caught_up();
  // The client's own close follows, and on_closed then.
  bool close(const websocket_close& why);

  bool is_open() const { return state_ == state::open; }

  // A message, or a frame of it or by itself, has come in part.
  bool is_in_part() const { return frames_ != nullptr || in_message_; }
  // How many messages have come whole, and frames by themselves between them.
  std::uint64_t came_whole() const { return came_whole_; }

 private:
  enum class state : std::uint8_t { open, closing, closed }; // closing: we have said it
  struct frames;
  class frames_end;

  void read();
  // False: reading is over.
  bool take(const wslay_frame_iocb& part);
  bool begin_frame(const wslay_frame_iocb& part);
  bool end_frame(const wslay_frame_iocb& part);
  bool check_text();
  bool end_message();
  bool take_control(std::uint8_t opcode);
  bool take_close();
  bool fail(std::uint16_t code);
  void write(std::uint8_t opcode, std::string_view data);
  void write_close(const websocket_close& why);

  const std::size_t most_;
  events& to_;
  unfinished_bytes::share unfinished_;
  std::unique_ptr<frames> frames_;    // null: nothing of a frame has come
  std::string message_;               // as far as its frames have come
  std::size_t checked_ = 0;           // of it, where it is text: bytes that are whole characters
  std::string control_;               // payload of a control frame
  std::unique_ptr<std::string> pong_; // payload of the answer that is owed; null: none is
  websocket_kind kind_ = websocket_kind::text;
  state state_ = state::open;
  std::uint64_t came_whole_ = 0;
  bool in_message_ = false; // more frames of it are to come
};

} // namespace coppice::net
