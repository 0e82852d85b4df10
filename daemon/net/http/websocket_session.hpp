// SPDX-License-Identifier: MIT
// The server's end of a WebSocket (RFC 6455) without its socket and its clock: bytes from the client go in,
// messages and bytes for the client come out. wslay reads the frames. Its reader keeps a buffer of 4 KiB, so
// a session has a reader only while a frame has come in part; an idle connection has none. Pings are
// answered; a client that does not read gets only the answer to the newest (RFC 6455, 5.5.3). A client's
// close is answered, and a violation of the protocol is answered with its code; nothing is read after that.
// No extensions. One thread; events may call back into the session.
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

// Why a WebSocket is closed: a code of RFC 6455, 7.4.1, and a text.
struct websocket_close {
  static constexpr std::uint16_t normal = 1000;
  static constexpr std::uint16_t going_away = 1001;
  static constexpr std::uint16_t protocol_error = 1002;
  static constexpr std::uint16_t none = 1005;     // the close had no code; never sent
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

  // Whether an end may send this code in a close frame.
  static bool is_code(std::uint64_t code);
};

class websocket_session {
 public:
  class events {
   public:
    // A whole message; text is UTF-8. `data` is valid until the call returns.
    virtual void on_message(websocket_kind kind, std::string_view data) = 0;
    // Both ends have sent a close, or the client broke the protocol. The owner closes the connection when
    // all is sent. The last event, called once.
    virtual void on_closed(const websocket_close& why) = 0;
    // Bytes to send to the client.
    virtual void on_bytes(std::string_view bytes) = 0;
    // Whether much of what was sent waits for the client. If so, caught_up() is called when the client has
    // taken it.
    virtual bool is_behind() = 0;

   protected:
    ~events() = default;
  };

  // `most`: bytes of a message; beyond: 1009. `unfinished`: bounds the incomplete messages of all sessions
  // together; beyond: 1013. It outlives the session. Null: no bound.
  websocket_session(std::size_t most, events& to, unfinished_bytes* unfinished = nullptr);
  ~websocket_session();

  void feed(std::string_view bytes);

  // send(), ping() and close() return false and do nothing once either end has closed.

  // `data` of kind text has to be UTF-8.
  bool send(websocket_kind kind, std::string_view data);
  bool ping();
  void caught_up();
  // Sends a close. on_closed() follows when the client's own close has come.
  bool close(const websocket_close& why);

  bool is_open() const { return state_ == state::open; }

  // Whether a message or a frame has come in part.
  bool is_in_part() const { return frames_ != nullptr || in_message_; }
  // How many messages, and control frames between messages, have come whole.
  std::uint64_t came_whole() const { return came_whole_; }

 private:
  enum class state : std::uint8_t { open, closing, closed }; // closing: only our close was sent
  struct frames;
  class frames_end;

  void read();
  // The reading functions return false when reading is over.
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
  std::unique_ptr<frames> frames_;    // null: no part of a frame is buffered
  std::string message_;               // the current message, as far as it has come
  std::size_t checked_ = 0;           // of a text message_: leading bytes that are whole characters
  std::string control_;               // payload of the current control frame
  std::unique_ptr<std::string> pong_; // payload of the pong that is owed; null: none
  websocket_kind kind_ = websocket_kind::text;
  state state_ = state::open;
  std::uint64_t came_whole_ = 0;
  bool in_message_ = false; // more frames of the current message are to come
};

} // namespace coppice::net
