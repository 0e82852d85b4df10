// SPDX-License-Identifier: MIT
// Moves a stream from one loop to another. libuv gives no socket back, so the descriptor is duplicated and
// the handle closed: both are one connection, and the peer notices nothing. Of a write under way, libuv knows
// how much is left. The old loop's thread, then the new one's.
#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "net/stream/stream_core.hpp"

namespace coppice::net {

detached_stream::detached_stream() = default;
detached_stream::detached_stream(detached_stream&& other) noexcept = default;
detached_stream& detached_stream::operator=(detached_stream&& other) noexcept = default;
detached_stream::~detached_stream() = default;

base::result<detached_stream> stream::core::detach() {
  if (!life_.is(stream_life_state::open) || !accepts() || writing_.now() == stream_writing_state::broken ||
      turn_.now() == stream_turn_state::failing) {
    return base::fail(base::errc::invalid, "detach a stream: it is not open, or about to end");
  }
  uv_os_fd_t fd = -1;
  uv_fileno(reinterpret_cast<uv_handle_t*>(raw_), &fd);
  detached_stream out;
  out.socket.fd = base::unique_fd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!out.socket.fd) return base::fail_errno("detach a stream", errno);
  uv_read_stop(raw_);
  reading_.take(stream_reading_event::stops);
  if (writing_.now() == stream_writing_state::under_way)
    advance(in_flight_ - uv_stream_get_write_queue_size(raw_));
  place_.settle();
  out.socket.is_tcp = raw_->type == UV_TCP;
  out.socket.slot = std::move(slot_);
  out.queued = std::make_unique<write_queue>();
  out.queued->swap(queue_);
  if (tls_) tls_->keep_input();
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
  tls_ = std::move(from.tls);
  bytes_read_ = from.bytes_read;
  bytes_written_ = from.bytes_written;
  if (bytes_queued() > low_mark_) mark_.take(stream_mark_event::rises);
  life_.take(stream_life_event::opens);
  adjust_reading();
  schedule(); // for what is queued, and what TLS has read
  if (!stays) dismissed();
}

base::result<detached_stream> stream::detach() {
  if (!socket_) return base::fail(base::errc::invalid, "detach a stream: there is none");
  auto out = inner().detach();
  if (out) socket_.close();
  return out;
}

base::result<stream> stream::attach(uv_loop_t* on, detached_stream from, stream_handler& handler) {
  auto made = make(from.socket.is_tcp ? socket::make_tcp(on, std::make_unique<core>())
                                      : socket::make_pipe(on, std::make_unique<core>()));
  if (!made) return made;
  base::uv::any_socket* raw = made->socket_.raw();
  const int fd = from.socket.fd.get();
  const int code = from.socket.is_tcp ? uv_tcp_open(&raw->tcp, fd) : uv_pipe_open(&raw->pipe, fd);
  if (code != 0) return base::fail_uv("attach a stream", code);
  static_cast<void>(from.socket.fd.release());
  made->inner().set_handler(handler);
  made->inner().attach(std::move(from));
  return made;
}

} // namespace coppice::net
