// SPDX-License-Identifier: MIT
// Moves a stream from one loop to another. Its socket gets a new carrier; TLS goes along as it is. The old
// loop's thread, then the new one's.
#include <utility>

#include "net/stream/socket_carrier.hpp"
#include "net/stream/stream_core.hpp"

namespace coppice::net {

detached_stream::detached_stream() = default;
detached_stream::detached_stream(detached_stream&& other) noexcept = default;
detached_stream& detached_stream::operator=(detached_stream&& other) noexcept = default;
detached_stream::~detached_stream() = default;

base::result<detached_stream> stream::core::detach() {
  if (!life_.is(stream_life_state::open) || !accepts() || turn_.now() == stream_turn_state::failing) {
    return base::fail(base::errc::invalid, "detach a stream: it is not open, or about to end");
  }
  auto socket = bottom_->detach();
  if (!socket) return unexpected(std::move(socket.error()));
  reading_.take(stream_reading_event::stops);
  if (socket->sent > 0) left(socket->sent);
  place_.settle();
  detached_stream out;
  out.socket.fd = std::move(socket->fd);
  out.socket.is_tcp = socket->is_tcp;
  out.socket.slot = std::move(slot_);
  out.queued = std::make_unique<write_queue>();
  out.queued->swap(queue_);
  if (tls_) tls_->let_go();
  carrier_ = bottom_.get();
  carrier_->set_user(*this);
  out.tls = std::move(tls_);
  out.bytes_read = bytes_read_;
  out.bytes_written = bytes_written_;
  silence();
  return out;
}

void stream::core::attach(detached_stream from) {
  slot_ = std::move(from.socket.slot);
  run_here_ = std::move(from.socket.run_there);
  itself_ = std::make_shared<core*>(this);
  const bool stays = !run_here_ || slot_.counted() == nullptr || may_make_room();
  if (from.queued) queue_.swap(*from.queued);
  if (from.tls) {
    tls_ = std::move(from.tls);
    tls_->stand_between(*this, *bottom_);
    carrier_ = tls_.get();
  }
  bytes_read_ = from.bytes_read;
  bytes_written_ = from.bytes_written;
  note_more();
  life_.take(stream_life_event::opens);
  adjust_reading();
  schedule(); // for what is queued, and what TLS has read
  if (!stays) dismissed();
}

base::result<detached_stream> stream::detach() {
  if (!core_) return base::fail(base::errc::invalid, "detach a stream: there is none");
  auto out = inner().detach();
  if (out) core_.reset();
  return out;
}

base::result<stream> stream::attach(uv_loop_t* on, detached_stream from, stream_handler& handler) {
  auto socket = socket_carrier::make(on, from.socket.is_tcp);
  if (!socket) return unexpected(std::move(socket.error()));
  if (const int code = (*socket)->open(from.socket.fd.get()); code != 0)
    return base::fail_uv("attach a stream", code);
  static_cast<void>(from.socket.fd.release());
  stream out(on, std::move(*socket));
  out.inner().set_handler(handler);
  out.inner().attach(std::move(from));
  return out;
}

} // namespace coppice::net
