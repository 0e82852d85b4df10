// SPDX-License-Identifier: MIT
// TLS between the socket and the handler: the handshake in steps that the loop's pacer grants, then records
// decrypted into the handler's space and encrypted as the socket takes them. Only so much is encrypted ahead
// as keeps the socket busy, because encrypted bytes can no longer be given back. The loop's thread.
#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "base/log_counted.hpp"
#include "base/socket_address.hpp"
#include "net/stream/stream_core.hpp"

namespace coppice::net {
namespace {

constexpr std::size_t handshake_block = 4 * 1024; // bytes; small for an unauthenticated client
constexpr std::size_t sealed_block = 64 * 1024;
constexpr std::size_t sealed_ahead = 256 * 1024;

} // namespace

void stream::core::use_tls(const tls_options& options) {
  if (!options.context) return;
  tls_ = std::make_unique<tls_session>(options.context, options.host);
  pacer_ = options.pacer;
  tls_timeout_ = options.timeout;
}

// What is queued leaves unencrypted before the session's bytes, so it goes to the front of the session's
// output.
void stream::core::start_tls(const tls_options& options, std::optional<base::bytes_span> first) {
  if (life_.is_over()) return;
  if (!options.context || !may_start_tls()) {
    return fail_later({base::errc::invalid, "start TLS: the stream is not open for it"});
  }
  use_tls(options);
  tls_->output().swap(queue_);
  life_.take(stream_life_event::asks_tls);
  begin_handshake();
  if (first) give_tls(*first);
  schedule();
}

// A client may have taken steps meanwhile; none of them has read anything.
void stream::core::give_tls(base::bytes_span first) {
  if (!life_.take(stream_life_event::gives_tls)) return;
  tls_->begin_with(first);
  if (!first.empty()) pacer_->enter(*this);
  adjust_reading();
}

void stream::core::begin_handshake() {
  // A stream that connects has its timer already. The client speaks first, so only a client begins with a
  // step.
  if (tls_->is_client()) pacer_->enter(*this);
  if (target_.empty() || life_.is(stream_life_state::awaiting)) {
    timeout_ = deadline(raw_->loop, [this] {
      fail({base::errc::timeout,
            fmt::format("TLS handshake: no end of it within {} ms", tls_timeout_.count())});
    });
    timeout_.start(tls_timeout_);
  }
  adjust_reading();
}

bool stream::core::take_step() {
  const auto done = tls_->step();
  if (!done) {
    fail_with_alert(done.error());
    return false;
  }
  if (tls_->output().bytes() > 0) flush();
  if (life_.is_over()) return false;
  switch (*done) {
    case tls_session::progress::more_steps:
      return true;
    case tls_session::progress::needs_input:
      adjust_reading();
      return false;
    case tls_session::progress::done:
      ready();
      // For bytes that came behind the handshake.
      if (!life_.is_over()) schedule();
      return false;
  }
  return false;
}

void stream::core::took_sealed(base::bytes_span sealed) {
  tls_->feed(sealed);
  if (life_.is_ready()) return deliver_opened();
  if (life_.is_over()) return;
  adjust_reading();
  pacer_->enter(*this);
}

void stream::core::deliver_opened() {
  while (!life_.is_over() && !reading_.is_held() && handler_ != nullptr) {
    const auto space = handler_space();
    std::size_t filled = 0;
    std::optional<base::error> broken;
    while (filled < space.size()) {
      const std::size_t sealed = tls_->output().bytes();
      auto got = tls_->open(space.subspan(filled));
      if (!got) {
        broken = std::move(got.error());
        break;
      }
      if (tls_->output().bytes() != sealed) schedule();
      if (*got == 0) break;
      filled += *got;
    }
    // What was decrypted before a record that cannot be read still goes to the handler.
    if (filled > 0) handler_->on_data(space.first(filled));
    if (broken) return life_.is_over() ? void() : fail_opened(std::move(*broken));
    if (filled < space.size()) break;
    if (!life_.is_over()) expect_much();
  }
  if (life_.is_over()) return;
  if (tls_->peer_ended() && !reading_.is_held() && !reading_.has_ended()) {
    reading_.take(stream_reading_event::ends);
    if (const auto broken = std::move(broken_)) return fail(*broken);
    if (handler_ != nullptr && !handler_->on_end() && !life_.is_over()) {
      return fail({base::errc::closed, "read: end of file"});
    }
  }
  if (!life_.is_over()) adjust_reading();
}

// Logs the reason, because most owners of a connection have no place to show it.
void stream::core::fail_opened(base::error why) {
  if (why.code == base::errc::invalid) {
    sockaddr_storage raw{};
    int length = sizeof raw;
    std::string peer;
    if (raw_->type == UV_TCP && uv_tcp_getpeername(reinterpret_cast<const uv_tcp_t*>(raw_),
                                                   reinterpret_cast<sockaddr*>(&raw), &length) == 0) {
      const auto address = base::socket_address::from_raw(reinterpret_cast<const sockaddr*>(&raw),
                                                          static_cast<socklen_t>(length));
      if (address) peer = " with " + address->to_string();
    }
    base::log::counted(base::log::level::warning, "net", why.text, "the connection{} ends: {}", peer,
                       why.text);
  }
  fail_with_alert(std::move(why));
}

void stream::core::fail_with_alert(base::error why) {
  bool told = false;
  if (writing_.now() != stream_writing_state::under_way && !tls_->output().empty()) {
    std::array<uv_buf_t, 4> parts;
    const auto count = static_cast<unsigned>(tls_->output().gather(parts));
    told = uv_try_write(raw_, parts.data(), count) > 0;
  }
  fail(std::move(why), told ? stream_life_event::fails_aloud : stream_life_event::fails);
}

base::status stream::core::seal() {
  if (!tls_ || !life_.is_ready()) return {};
  while (!queue_.empty() && tls_->output().bytes() < sealed_ahead) {
    if (auto done = tls_->seal(queue_); !done) return done;
  }
  if (end_.now() != stream_end_state::asked || !queue_.empty()) return {};
  end_.take(stream_end_event::says);
  return tls_->end();
}

std::span<std::uint8_t> stream::core::sealed_space() {
  const std::size_t size = life_.is_ready() ? sealed_block : handshake_block;
  if (sealed_size_ != size) {
    sealed_space_ = std::make_unique_for_overwrite<std::uint8_t[]>(size);
    sealed_size_ = size;
  }
  return {sealed_space_.get(), size};
}

void stream::core::leave_pacer() {
  if (pacer_ != nullptr) std::exchange(pacer_, nullptr)->leave(*this);
}

} // namespace coppice::net
