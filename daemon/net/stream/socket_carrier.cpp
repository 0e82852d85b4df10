// SPDX-License-Identifier: MIT
// Reads for the carrier's user, writes from its queue, and drops bytes that are no longer wanted. The loop's
// thread.
#include "net/stream/socket_carrier.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/bound.hpp"

namespace coppice::net {
namespace {

constexpr std::size_t gather_at_once = 128;
const base::bound<std::size_t> hand_over_at_once("net: bytes given to a full socket at once", 256 * 1024,
                                                 512);
constexpr std::size_t drop_block = std::size_t{64} << 10;

} // namespace

base::result<socket_carrier::owned> socket_carrier::make(uv_loop_t* on, bool is_tcp) {
  auto made = is_tcp ? cell::make_tcp(on, socket_carrier()) : cell::make_pipe(on, socket_carrier());
  if (!made) return unexpected(std::move(made.error()));
  socket_carrier& self = made->payload();
  self.raw_ = made->stream();
  self.self_ = std::move(*made);
  return owned(&self);
}

int socket_carrier::bind(const base::socket_address& local) {
  return uv_tcp_bind(tcp(), local.raw(), 0);
}

int socket_carrier::connect(const base::socket_address& to) {
  connect_.data = this;
  return uv_tcp_connect(&connect_, tcp(), to.raw(), connected);
}

void socket_carrier::connect(const std::string& path) {
  connect_.data = this;
  uv_pipe_connect(&connect_, reinterpret_cast<uv_pipe_t*>(raw_), path.c_str(), connected);
}

void socket_carrier::connected(uv_connect_t* request, int code) {
  socket_carrier& self = *static_cast<socket_carrier*>(request->data);
  self.guarded([&] { self.user_->connected(code); });
}

int socket_carrier::open(int fd) {
  return is_tcp() ? uv_tcp_open(tcp(), fd) : uv_pipe_open(reinterpret_cast<uv_pipe_t*>(raw_), fd);
}

void socket_carrier::set_nodelay() {
  uv_tcp_nodelay(tcp(), 1);
}

// Reading -------------------------------------------------------------------------------------------------

base::status socket_carrier::start_reading() {
  const int code = uv_read_start(raw_, &socket_carrier::ask_for_space,
                                 [](uv_stream_t* from, ssize_t count, const uv_buf_t* into) {
                                   socket_carrier& self = cell::payload_of(from);
                                   self.guarded([&] { self.took(count, *into); });
                                 });
  if (code != 0) return base::fail_uv("read", code);
  reads_ = true;
  return {};
}

void socket_carrier::stop_reading() {
  reads_ = false;
  uv_read_stop(raw_);
}

// If this throws, no space is given, and took() gets UV_ENOBUFS.
void socket_carrier::ask_for_space(uv_handle_t* handle, std::size_t, uv_buf_t* into) {
  socket_carrier& self = cell::payload_of(handle);
  *into = uv_buf_init(nullptr, 0);
  self.guarded([&] { self.give_space(into); });
}

// libuv would read up to 32 times in a turn. It stops when it is given no space, and asks again in the next
// turn.
void socket_carrier::give_space(uv_buf_t* into) {
  if (!user_->reads_now()) return;
  const auto space = user_->space();
  into->base = reinterpret_cast<char*>(space.data());
  into->len = space.size();
}

void socket_carrier::took(ssize_t count, const uv_buf_t& into) {
  if (count == 0 || (count == UV_ENOBUFS && into.base == nullptr)) return; // it was given no space
  if (count < 0) return came_to_end(static_cast<int>(count));
  const base::bytes_span bytes{reinterpret_cast<const std::uint8_t*>(into.base),
                               static_cast<std::size_t>(count)};
  const bool all = bytes.size() == into.len;
  user_->heard(bytes.size());
  user_->came(bytes, all);
  if (all) user_->filled();
}

base::status socket_carrier::drop() {
  stop_reading();
  const int code = uv_read_start(
      raw_,
      [](uv_handle_t*, std::size_t, uv_buf_t* into) {
        thread_local std::array<char, drop_block> space; // never read
        *into = uv_buf_init(space.data(), space.size());
      },
      [](uv_stream_t* from, ssize_t count, const uv_buf_t*) { cell::payload_of(from).dropped(count); });
  if (code != 0) return base::fail_uv("read", code);
  return {};
}

void socket_carrier::dropped(ssize_t count) {
  if (count >= 0) return user_->dropped(static_cast<std::size_t>(count));
  came_to_end(static_cast<int>(count));
}

// Where a reset comes while bytes are still unread, libuv reads those and reports an orderly end: it does not
// look at the error, which the socket still has. EPIPE: the peer had ended its direction before.
void socket_carrier::came_to_end(int code) {
  if (code == UV_EOF) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(descriptor(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0 && error != EPIPE)
      code = uv_translate_sys_error(error);
  }
  user_->came_to_end(base::fail_uv("read", code).error(), code == UV_EOF);
}

bool socket_carrier::has_unread() const {
  int unread = 0;
  return reads_ && ::ioctl(descriptor(), FIONREAD, &unread) == 0 && unread > 0;
}

// Writing -------------------------------------------------------------------------------------------------

base::result<carrier::written> socket_carrier::write(write_queue& from) {
  if (from.empty()) return written{};
  std::array<uv_buf_t, gather_at_once> parts;
  const auto count = static_cast<unsigned>(from.gather(parts));
  const int code = uv_try_write(raw_, parts.data(), count);
  if (code == UV_EAGAIN) return written{0, true};
  if (code < 0) return base::fail_uv("write", code);
  from.advance(static_cast<std::size_t>(code));
  return written{static_cast<std::size_t>(code), false};
}

// Writes a part only: libuv reports a write when all of it is done, and the user shall notice on the way how
// little is left.
base::status socket_carrier::write_later(write_queue& from) {
  std::array<uv_buf_t, gather_at_once> parts;
  const std::size_t gathered = from.gather(parts);
  std::size_t bytes = 0;
  unsigned count = 0;
  while (count < gathered && bytes < hand_over_at_once) {
    uv_buf_t& part = parts[count++];
    part.len = std::min(part.len, hand_over_at_once - bytes);
    bytes += part.len;
  }
  write_.data = this;
  const int code = uv_write(&write_, raw_, parts.data(), count, [](uv_write_t* request, int result) {
    socket_carrier& self = *static_cast<socket_carrier*>(request->data);
    self.guarded([&] { self.write_finished(result); });
  });
  if (code != 0) return base::fail_uv("write", code);
  under_way_ = &from;
  in_flight_ = bytes;
  return {};
}

void socket_carrier::write_finished(int code) {
  write_queue* const from = std::exchange(under_way_, nullptr);
  const std::size_t bytes = std::exchange(in_flight_, 0);
  if (code == 0 && from != nullptr) from->advance(bytes);
  user_->sent(code == 0 ? bytes : 0, code);
}

void socket_carrier::moved(write_queue& to) {
  if (under_way_ != nullptr) under_way_ = &to;
}

// Marked with MSG_MORE, so that a head does not wake its reader alone.
std::size_t socket_carrier::write_before_file(write_queue& from) {
  std::array<uv_buf_t, gather_at_once> parts;
  std::array<iovec, gather_at_once> pieces;
  const std::size_t count = from.gather(parts);
  std::ranges::transform(parts.begin(), parts.begin() + count, pieces.begin(), [](const uv_buf_t& one) {
    return iovec{one.base, one.len};
  });
  msghdr whole{};
  whole.msg_iov = pieces.data();
  whole.msg_iovlen = count;
  const ssize_t sent = ::sendmsg(descriptor(), &whole, MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent <= 0) return 0;
  from.advance(static_cast<std::size_t>(sent));
  return static_cast<std::size_t>(sent);
}

// A failure is left to write(), which reports it.
std::size_t socket_carrier::send_file(int file, std::uint64_t offset, std::size_t most) {
  auto from = static_cast<off_t>(offset);
  const ssize_t sent = ::sendfile(descriptor(), file, &from, most);
  return sent <= 0 ? 0 : static_cast<std::size_t>(sent);
}

// The end -------------------------------------------------------------------------------------------------

base::status socket_carrier::shut_down() {
  shutdown_.data = this;
  const int code = uv_shutdown(&shutdown_, raw_, [](uv_shutdown_t* request, int) {
    static_cast<socket_carrier*>(request->data)->user_->was_shut_down();
  });
  if (code != 0) return base::fail_uv("shut down", code);
  return {};
}

int socket_carrier::descriptor() const {
  uv_os_fd_t fd = -1;
  return uv_fileno(reinterpret_cast<uv_handle_t*>(raw_), &fd) == 0 ? fd : -1;
}

// libuv gives no socket back, so the descriptor is duplicated: both are one connection, and the peer notices
// nothing. Of a write under way, libuv knows how much is left.
base::result<carrier::socket_of> socket_carrier::detach() {
  socket_of out{base::unique_fd(fcntl(descriptor(), F_DUPFD_CLOEXEC, 0)), is_tcp(), 0};
  if (!out.fd) return base::fail_errno("detach a stream", errno);
  stop_reading();
  if (write_queue* const from = std::exchange(under_way_, nullptr); from != nullptr) {
    out.sent = std::exchange(in_flight_, 0) - uv_stream_get_write_queue_size(raw_);
    from->advance(out.sent);
  }
  return out;
}

void socket_carrier::close(std::unique_ptr<user> last) {
  last_ = std::move(last);
  cell closing = std::move(self_);
  closing.close();
}

} // namespace coppice::net
