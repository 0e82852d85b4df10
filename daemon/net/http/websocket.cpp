// SPDX-License-Identifier: MIT
// The handshake is checked header by header; reading and writing are the session's. The loop's thread.
#include "net/http/websocket.hpp"

#include <mbedtls/base64.h>
#include <mbedtls/sha1.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/bound.hpp"

namespace coppice::net {
namespace {

constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, 1.3
constexpr std::size_t nonce_size = 16;
const base::bound<std::size_t> much_unsent("net: unsent bytes of a WebSocket that make a writer wait",
                                           64 << 10, 256);

const std::uint8_t* octets(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

bool is_nonce(std::string_view key) {
  std::array<std::uint8_t, 32> out{};
  std::size_t size = 0;
  return key.size() == 24 &&
         mbedtls_base64_decode(out.data(), out.size(), &size, octets(key), key.size()) == 0 &&
         size == nonce_size;
}

std::string accept_value(std::string_view key) {
  const std::string whole = std::string(key) + std::string(guid);
  std::array<std::uint8_t, 20> hash{};
  mbedtls_sha1(octets(whole), whole.size(), hash.data());
  std::array<std::uint8_t, 32> text{};
  std::size_t size = 0;
  mbedtls_base64_encode(text.data(), text.size(), &size, hash.data(), hash.size());
  return {reinterpret_cast<const char*>(text.data()), size};
}

bool lists(const http_request& asked, std::string_view name, std::string_view wanted) {
  return std::ranges::any_of(asked.headers, [&](const http_header& one) {
    return one.name == name && http_lists(one.value, wanted);
  });
}

http_response refused(int status, std::string_view why) {
  http_response out{status, "text/plain; charset=utf-8", std::string(why) + "\n", {}};
  if (status == 426) {
    out.headers.push_back({"Upgrade", "websocket"});
    out.headers.push_back({"Sec-WebSocket-Version", "13"});
  }
  return out;
}

} // namespace

std::optional<http_response> websocket_refusal(const http_request& asked) {
  const auto is_key = [](const http_header& one) { return one.name == "sec-websocket-key"; };
  if (!asked.upgrades() || !lists(asked, "upgrade", "websocket"))
    return refused(426, "here is a WebSocket, which is not asked for");
  const std::string* const version = asked.header("sec-websocket-version");
  if (version == nullptr || http_trimmed(*version) != "13")
    return refused(426, "the version of WebSocket is 13");
  const std::string* const key = asked.header("sec-websocket-key");
  if (std::ranges::count_if(asked.headers, is_key) != 1 || !is_nonce(http_trimmed(*key)))
    return refused(400, "Sec-WebSocket-Key is no key");
  if (!asked.body.empty() || asked.streamed || asked.header("transfer-encoding") != nullptr)
    return refused(400, "a request for a WebSocket has no body");
  return std::nullopt;
}

http_response websocket_answer(const http_request& asked) {
  http_response out;
  out.status = 101;
  out.headers.push_back({"Upgrade", "websocket"});
  const std::string* const key = asked.header("sec-websocket-key");
  out.headers.push_back({"Sec-WebSocket-Accept", accept_value(key ? http_trimmed(*key) : "")});
  return out;
}

std::vector<std::string> websocket_protocols(const http_request& asked) {
  std::vector<std::string> out;
  for (const http_header& one : asked.headers) {
    if (one.name != "sec-websocket-protocol") continue;
    for (std::string_view all = one.value; !all.empty();) {
      const std::size_t comma = std::min(all.find(','), all.size());
      const std::string_view name = http_trimmed(all.substr(0, comma));
      if (is_http_token(name)) out.emplace_back(name);
      all.remove_prefix(std::min(comma + 1, all.size()));
    }
  }
  return out;
}

websocket::websocket(uv_loop_t* loop, const websocket_options& options, owner& to,
                     unfinished_bytes* unfinished)
    : loop_(loop),
      options_(options),
      to_(to),
      session_(options.message, *this, unfinished),
      deadline_(loop, [this] { on_deadline(); }),
      late_(loop, [this] {
        close({websocket_close::policy, "the message did not come in time"});
      }) {}

base::result<void> websocket::start(http_upgraded from) {
  auto attached = stream::attach(loop_, std::move(from.connection), *this);
  if (!attached) return unexpected(std::move(attached.error()));
  stream_ = std::move(*attached);
  deadline_.start(options_.ping);
  session_.feed(from.first);
  time_message();
  return {};
}

// Reading ------------------------------------------------------------------------------------------------

void websocket::on_data(base::bytes_span bytes) {
  if (is_open()) {
    asked_ = false;
    deadline_.start(options_.ping);
  }
  session_.feed(base::as_text(bytes));
  time_message();
}

// Any byte restarts deadline_, so a message that never ends would be kept for ever without this timer.
void websocket::time_message() {
  if (!is_open() || held_ || !session_.is_in_part()) return late_.stop();
  if (late_.active() && timed_ == session_.came_whole()) return;
  timed_ = session_.came_whole();
  late_.start(options_.whole);
}

void websocket::hold(bool held) {
  if (over_ || std::exchange(held_, held) == held) return;
  if (held)
    stream_.pause();
  else
    stream_.resume();
  time_message();
}

// Writing ------------------------------------------------------------------------------------------------

std::size_t websocket::waiting() {
  if (over_) return 0;
  if (stream_.bytes_queued() > much_unsent) stream_.flush();
  return stream_.bytes_queued();
}

bool websocket::is_full() {
  return waiting() > much_unsent;
}

bool websocket::close(const websocket_close& why) {
  if (over_ || !session_.close(why)) return false;
  hold(false); // so that the client's close is read
  deadline_.start(options_.pong);
  late_.stop();
  return true;
}

// The end ------------------------------------------------------------------------------------------------

void websocket::on_deadline() {
  if (held_) { // the client may have answered, which is not read; the ping fails if it has left
    session_.ping();
    return deadline_.start(options_.ping);
  }
  if (!session_.is_open()) return cut({websocket_close::abnormal, "it did not close"});
  if (std::exchange(asked_, true)) return cut({websocket_close::abnormal, "it answers no ping"});
  session_.ping();
  deadline_.start(options_.pong);
}

void websocket::cut(const websocket_close& why) {
  if (over_) return;
  const bool untaken = stream_.bytes_queued() != 0;
  ended_ = {untaken ? http_end::slow : http_end::silent, stream_.bytes_read(), stream_.bytes_written()};
  stream_.close();
  leave(why);
}

void websocket::on_closed(base::error why) {
  const bool made_room = why.code == base::errc::limit;
  ended_ = {made_room ? http_end::silent : http_end::broken, stream_.bytes_read(), stream_.bytes_written()};
  stream_.close_when_written(); // closes at once, unless TLS has an alert to send
  leave({websocket_close::abnormal, made_room ? "it made room for others" : "the connection broke"});
}

void websocket::on_closed(const websocket_close& why) {
  ended_ = {http_end::done, stream_.bytes_read(), stream_.bytes_written() + stream_.bytes_queued()};
  stream_.close_when_written(options_.write);
  leave(why);
}

void websocket::leave(const websocket_close& why) {
  over_ = true;
  deadline_.stop();
  late_.stop();
  to_.on_closed(why);
}

} // namespace coppice::net
