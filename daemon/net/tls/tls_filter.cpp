// SPDX-License-Identifier: MIT
// A call to the owner may end the stream, or take the filter to another loop. So the filter asks the owner
// that it had before the call, and touches nothing of its own if that stream is over. The loop's thread.
#include "net/tls/tls_filter.hpp"

#include <sys/socket.h>

#include <optional>
#include <utility>

#include "base/log_counted.hpp"
#include "base/socket_address.hpp"

namespace coppice::net {
namespace {

constexpr std::size_t handshake_block = 4 * 1024; // bytes; small for an unauthenticated client
constexpr std::size_t sealed_block = 64 * 1024;
constexpr std::size_t sealed_ahead = 256 * 1024;

} // namespace

tls_filter::tls_filter(std::shared_ptr<const tls_context> context, std::string host, tls_pacer* pacer)
    : session_(std::move(context), std::move(host)), pacer_(pacer) {}

void tls_filter::stand_between(owner& above, carrier& below) {
  owner_ = &above;
  below_ = &below;
  count_waiting(session_.output(), below);
  below.set_user(*this);
}

// The client speaks first, so only a client begins with a step.
void tls_filter::begin() {
  phase_.take(tls_phase_event::begins);
  if (is_client()) pacer_->enter(*this);
}

// A client may have taken steps before; none of them has read anything.
void tls_filter::begin_with(base::bytes_span first) {
  session_.begin_with(first);
  pacer_->enter(*this);
}

void tls_filter::send_first(write_queue& queue) {
  session_.output().swap(queue);
  below_->moved(session_.output());
}

void tls_filter::leave_pacer() {
  if (pacer_ != nullptr) std::exchange(pacer_, nullptr)->leave(*this);
}

void tls_filter::let_go() {
  session_.keep_input();
  sealed_space_.reset();
  sealed_size_ = 0;
  reading_ = {};
}

bool tls_filter::take_step() {
  owner& above = *owner_;
  auto done = session_.step();
  if (!done) {
    above.fail_now(std::move(done.error()));
    return false;
  }
  if (!session_.output().empty()) above.flush();
  if (above.is_over()) return false;
  switch (*done) {
    case tls_session::progress::more_steps:
      return true;
    case tls_session::progress::needs_input:
      adjust_reading();
      return false;
    case tls_session::progress::done:
      leave_pacer(); // the pacer may be destroyed before the stream
      phase_.take(tls_phase_event::opens);
      above.secured();
      return false;
  }
  return false;
}

// Reading -------------------------------------------------------------------------------------------------

base::status tls_filter::start_reading() {
  reading_.take(tls_reading_event::begins);
  if (session_.unused_input() > 0) reading_.take(tls_reading_event::fills);
  return reading_.now() == tls_reading_state::running ? below_->start_reading() : base::status{};
}

void tls_filter::stop_reading() {
  if (reading_.now() == tls_reading_state::running) below_->stop_reading();
  reading_.take(tls_reading_event::stops);
}

void tls_filter::adjust_reading() {
  const bool is_full = session_.unused_input() > 0;
  if (!reading_.take(is_full ? tls_reading_event::fills : tls_reading_event::drains)) return;
  if (is_full) return below_->stop_reading();
  if (auto begun = below_->start_reading(); !begun) owner_->fail_later(std::move(begun.error()));
}

std::span<std::uint8_t> tls_filter::space() {
  const std::size_t size = phase_.now() == tls_phase_state::open ? sealed_block : handshake_block;
  if (sealed_size_ != size) {
    sealed_space_ = std::make_unique_for_overwrite<std::uint8_t[]>(size);
    sealed_size_ = size;
  }
  return {sealed_space_.get(), size};
}

void tls_filter::came(base::bytes_span bytes, bool) {
  session_.feed(bytes);
  if (phase_.now() == tls_phase_state::open) return deliver();
  adjust_reading();
  if (pacer_ != nullptr) pacer_->enter(*this);
}

void tls_filter::deliver() {
  if (phase_.now() != tls_phase_state::open) return;
  owner& above = *owner_;
  while (above.takes()) {
    const auto room = above.space();
    std::size_t filled = 0;
    std::optional<base::error> broken;
    while (filled < room.size()) {
      const std::size_t sealed = session_.output().bytes();
      auto got = session_.open(room.subspan(filled));
      if (!got) {
        broken = std::move(got.error());
        break;
      }
      if (session_.output().bytes() != sealed) above.schedule();
      if (*got == 0) break;
      filled += *got;
    }
    // Bytes that were decrypted before a record that cannot be read still go to the stream.
    if (filled > 0) above.came(room.first(filled), filled == room.size());
    if (above.is_over()) return;
    if (broken) return fail_opened(std::move(*broken));
    if (filled < room.size()) break;
  }
  if (session_.peer_ended() && above.takes())
    above.came_to_end({base::errc::closed, "read: end of file"}, true);
  if (!above.is_over()) adjust_reading();
}

// Logs the reason, because most owners of a connection have no place to show it.
void tls_filter::fail_opened(base::error why) {
  if (why.code == base::errc::invalid) {
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    auto* const to = reinterpret_cast<sockaddr*>(&raw);
    std::string peer;
    if (::getpeername(below_->descriptor(), to, &length) == 0) {
      if (const auto address = base::socket_address::from_raw(to, length))
        peer = " with " + address->to_string();
    }
    base::log::counted(base::log::level::warning, "net", why.text, "the connection{} ends: {}", peer,
                       why.text);
  }
  owner_->fail_now(std::move(why));
}

// A connection that is lost without TLS's own end may have been cut by an attacker.
void tls_filter::came_to_end(base::error why, bool) {
  owner_->came_to_end(phase_.now() == tls_phase_state::open ? std::move(why) : session_.cut_short(), false);
}

// Writing -------------------------------------------------------------------------------------------------

base::status tls_filter::seal(write_queue& from) {
  if (phase_.now() != tls_phase_state::open) return {};
  while (!from.empty() && session_.output().bytes() < sealed_ahead) {
    if (auto done = session_.seal(from); !done) return done;
  }
  return from.empty() && owner_->says_end() ? session_.end() : base::status{};
}

base::result<carrier::written> tls_filter::write(write_queue& from) {
  if (auto done = seal(from); !done) return unexpected(std::move(done.error()));
  return below_->write(session_.output());
}

base::status tls_filter::write_later(write_queue&) {
  return below_->write_later(session_.output());
}

bool tls_filter::send_alert() {
  const auto sent = below_->write(session_.output());
  return sent && sent->bytes > 0;
}

} // namespace coppice::net
