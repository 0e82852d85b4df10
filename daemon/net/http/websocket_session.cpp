// SPDX-License-Identifier: MIT
// Uses wslay for reading frames only; frames of a server are short enough to write by hand. One thread.
#include "net/http/websocket_session.hpp"

#include <wslay/wslay.h>

#include <algorithm>
#include <coppice/etf/utf8.hpp>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include "base/utf8.hpp"

namespace coppice::net {
namespace {

constexpr std::size_t much_room = 4096; // bytes of a message's buffer that are kept for the next message

bool is_control(std::uint8_t opcode) {
  return wslay_is_ctrl_frame(opcode);
}

bool is_utf8(std::string_view text) {
  return etf::utf8::length(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()) >= 0;
}

// Whether the bytes may be the beginning of one character.
bool may_begin_character(const std::uint8_t* bytes, std::size_t count) {
  for (const std::uint8_t rest :
       {std::uint8_t{0x80}, std::uint8_t{0xBF}}) { // the least and the greatest byte that can follow
    std::uint8_t whole[4] = {rest, rest, rest, rest};
    if (count >= sizeof whole) return false;
    std::memcpy(whole, bytes, count);
    std::uint32_t point = 0;
    if (etf::utf8::decode(whole, sizeof whole, point) > count) return true;
  }
  return false;
}

// How many leading bytes of the text are whole characters, if what follows may begin another character.
// Empty: the bytes cannot begin a text.
std::optional<std::size_t> whole_characters(std::string_view text) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(text.data());
  if (etf::utf8::is_ascii(at, text.size())) return text.size();
  std::size_t taken = 0;
  for (std::uint32_t point = 0; taken < text.size();) {
    const std::size_t step = etf::utf8::decode(at + taken, text.size() - taken, point);
    if (step == 0) break;
    taken += step;
  }
  const std::size_t left = text.size() - taken;
  if (left != 0 && !may_begin_character(at + taken, left)) return std::nullopt;
  return taken;
}

// As much of the reason as a close can hold, in whole characters.
std::string_view cut(std::string_view reason) {
  if (reason.size() <= websocket_close::longest_reason) return reason;
  std::size_t at = websocket_close::longest_reason;
  while (at > 0 && base::is_utf8_continuation(reason[at])) --at;
  return reason.substr(0, at);
}

// The header of a client's frame, which is masked.
std::size_t header_size(std::uint64_t payload) {
  constexpr std::size_t mask = 4;
  return 2 + mask + (payload < 126 ? 0 : payload < 65536 ? 2 : 8);
}

} // namespace

bool websocket_close::is_code(std::uint64_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

// wslay's reader of frames, and the state of the frame that it is reading. Between two frames a reader can
// serve any session. Making a reader costs as much as reading a dozen small messages, so one is kept for each
// thread.
struct websocket_session::frames {
  frames() {
    wslay_frame_callbacks calls{};
    calls.recv_callback = [](std::uint8_t* to, std::size_t size, int, void* self) -> ssize_t {
      std::string_view& from = static_cast<frames*>(self)->input;
      const std::size_t count = std::min(size, from.size());
      if (count == 0) return -1;
      std::memcpy(to, from.data(), count);
      from.remove_prefix(count);
      return static_cast<ssize_t>(count);
    };
    if (wslay_frame_context_init(&context, &calls, this) != 0) throw std::bad_alloc();
  }
  frames(const frames&) = delete;
  frames& operator=(const frames&) = delete;
  ~frames() { wslay_frame_context_free(context); }

  static std::unique_ptr<frames> take() {
    auto had = std::move(spare());
    return had ? std::move(had) : std::make_unique<frames>();
  }
  static void give_back(std::unique_ptr<frames> rested) { spare() = std::move(rested); }

  wslay_frame_context_ptr context = nullptr;
  std::string_view input;  // of feed(), as far as wslay has not taken it
  std::uint64_t taken = 0; // bytes of the current frame, and those behind it
  std::uint64_t had = 0;   // bytes taken of that frame's payload
  bool begun = false;      // its header has been checked

 private:
  // Never inlined, because a caller that calls it twice may have moved to another thread in between.
  [[gnu::noinline]] static std::unique_ptr<frames>& spare() {
    asm volatile("");
    thread_local std::unique_ptr<frames> one;
    return one;
  }
};

websocket_session::websocket_session(std::size_t most, events& to, unfinished_bytes* unfinished)
    : most_(most), to_(to), unfinished_(unfinished) {}
websocket_session::~websocket_session() = default;

// Reading ------------------------------------------------------------------------------------------------

void websocket_session::feed(std::string_view bytes) {
  if (bytes.empty() || state_ == state::closed) return;
  if (!frames_) frames_ = frames::take();
  frames_->taken += bytes.size();
  frames_->input = bytes;
  read();
  frames_->input = {};
  if (state_ != state::closed && !unfinished_.keep(message_.size())) fail(websocket_close::try_again_later);
  if (state_ == state::closed)
    frames_.reset();
  else if (frames_->taken == 0)
    frames::give_back(std::move(frames_));
}

void websocket_session::read() {
  for (;;) {
    wslay_frame_iocb part{};
    const ssize_t got = wslay_frame_recv(frames_->context, &part);
    if (got == WSLAY_ERR_WANT_READ && frames_->input.empty()) return;
    if (got == WSLAY_ERR_WANT_READ) continue;
    if (got < 0) { // control frame in parts or above 125 bytes, or a length not in its shortest form
      fail(websocket_close::protocol_error);
      return;
    }
    if (!take(part)) return;
  }
}

bool websocket_session::take(const wslay_frame_iocb& part) {
  if (!std::exchange(frames_->begun, true) && !begin_frame(part)) return false;
  std::string& to = is_control(part.opcode) ? control_ : message_;
  to.append(reinterpret_cast<const char*>(part.data), part.data_length);
  frames_->had += part.data_length;
  if (!is_control(part.opcode) && !check_text()) return false;
  if (frames_->had < part.payload_length) return true;
  frames_->begun = false;
  frames_->had = 0;
  frames_->taken -= header_size(part.payload_length) + part.payload_length;
  return end_frame(part);
}

bool websocket_session::begin_frame(const wslay_frame_iocb& part) {
  if (part.mask == 0 || part.rsv != 0) return fail(websocket_close::protocol_error);
  switch (part.opcode) {
    case WSLAY_CONNECTION_CLOSE:
    case WSLAY_PING:
    case WSLAY_PONG:
      control_.clear();
      return true;
    case WSLAY_TEXT_FRAME:
    case WSLAY_BINARY_FRAME:
      if (in_message_) return fail(websocket_close::protocol_error);
      kind_ = part.opcode == WSLAY_TEXT_FRAME ? websocket_kind::text : websocket_kind::binary;
      break;
    case WSLAY_CONTINUATION_FRAME:
      if (!in_message_) return fail(websocket_close::protocol_error);
      break;
    default:
      return fail(websocket_close::protocol_error);
  }
  if (part.payload_length > most_ - message_.size()) return fail(websocket_close::too_big);
  return true;
}

bool websocket_session::end_frame(const wslay_frame_iocb& part) {
  if (is_control(part.opcode)) {
    if (!in_message_) ++came_whole_;
    return take_control(part.opcode);
  }
  in_message_ = part.fin == 0;
  return in_message_ || end_message();
}

// Checks the text as far as it has come, so that a client learns of bad bytes at once.
bool websocket_session::check_text() {
  if (kind_ != websocket_kind::text) return true;
  const auto whole = whole_characters(std::string_view(message_).substr(checked_));
  if (!whole) return fail(websocket_close::not_utf8);
  checked_ += *whole;
  return true;
}

bool websocket_session::end_message() {
  if (kind_ == websocket_kind::text && checked_ != message_.size()) return fail(websocket_close::not_utf8);
  checked_ = 0;
  // Messages behind our close are dropped.
  if (state_ == state::open) to_.on_message(kind_, message_);
  ++came_whole_;
  message_.clear();
  if (message_.capacity() > much_room) message_.shrink_to_fit();
  return true;
}

bool websocket_session::take_control(std::uint8_t opcode) {
  if (opcode == WSLAY_CONNECTION_CLOSE) return take_close();
  if (opcode != WSLAY_PING || state_ != state::open) return true;
  if (to_.is_behind())
    pong_ = std::make_unique<std::string>(control_);
  else
    write(WSLAY_PONG, control_);
  return true;
}

void websocket_session::caught_up() {
  const auto owed = std::move(pong_);
  if (owed && is_open()) write(WSLAY_PONG, *owed);
}

bool websocket_session::take_close() {
  websocket_close said;
  if (control_.size() == 1) return fail(websocket_close::protocol_error);
  if (control_.size() >= 2) {
    const auto byte = [this](std::size_t i) { return static_cast<std::uint8_t>(control_[i]); };
    said = {static_cast<std::uint16_t>(byte(0) << 8 | byte(1)), control_.substr(2)};
    if (!websocket_close::is_code(said.code)) return fail(websocket_close::protocol_error);
    if (!is_utf8(said.reason)) return fail(websocket_close::not_utf8);
  }
  if (std::exchange(state_, state::closed) == state::open) write_close({said.code, ""});
  to_.on_closed(said);
  return false;
}

// Always returns false.
bool websocket_session::fail(std::uint16_t code) {
  unfinished_.release();
  if (std::exchange(state_, state::closed) == state::open) write_close({code, ""});
  to_.on_closed({code, ""});
  return false;
}

// Writing ------------------------------------------------------------------------------------------------

bool websocket_session::send(websocket_kind kind, std::string_view data) {
  if (!is_open()) return false;
  write(kind == websocket_kind::text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, data);
  return true;
}

bool websocket_session::ping() {
  if (!is_open()) return false;
  write(WSLAY_PING, {});
  return true;
}

bool websocket_session::close(const websocket_close& why) {
  if (!is_open()) return false;
  state_ = state::closing;
  write_close(why);
  return true;
}

void websocket_session::write_close(const websocket_close& why) {
  if (why.code == websocket_close::none) return write(WSLAY_CONNECTION_CLOSE, {});
  std::string said{static_cast<char>(why.code >> 8), static_cast<char>(why.code & 0xff)};
  said += cut(why.reason);
  write(WSLAY_CONNECTION_CLOSE, said);
}

// Writes one frame, not masked, as a server's are: two bytes, and the length if it is above 125.
void websocket_session::write(std::uint8_t opcode, std::string_view data) {
  constexpr unsigned final_part = 0x80;
  std::string header{static_cast<char>(final_part | opcode)};
  const auto add_length = [&](char how, int bytes) {
    header += how;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      header += static_cast<char>(data.size() >> shift);
  };
  if (data.size() < 126)
    header += static_cast<char>(data.size());
  else if (data.size() < 65536)
    add_length(126, 2);
  else
    add_length(127, 8);
  to_.on_bytes(header);
  if (!data.empty()) to_.on_bytes(data);
}

} // namespace coppice::net
