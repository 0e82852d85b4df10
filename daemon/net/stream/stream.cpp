// SPDX-License-Identifier: MIT
// Makes sockets, and passes calls on to the inner part, stream_core.hpp. The loop's thread.
#include "net/stream/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "net/stream/stream_core.hpp"

namespace coppice::net {

stream::stream() = default;
stream::stream(stream&& other) noexcept = default;
stream::stream(socket made) : socket_(std::move(made)) {}
stream::~stream() {
  close();
}

stream& stream::operator=(stream&& other) noexcept {
  if (this != &other) {
    close();
    socket_ = std::move(other.socket_);
  }
  return *this;
}

stream::core& stream::inner() const {
  return *socket_.payload();
}

base::result<stream> stream::make(base::result<socket> made) {
  if (!made) return unexpected(std::move(made.error()));
  made->payload()->attach(made->stream());
  return stream(std::move(*made));
}

base::result<stream> stream::connect(uv_loop_t* on, const base::socket_address& to,
                                     const connect_options& options, stream_handler& handler) {
  auto made = make(socket::make_tcp(on, std::make_unique<core>()));
  if (!made) return made;
  core& inner = made->inner();
  uv_tcp_t* tcp = &made->socket_.raw()->tcp;
  if (options.from) {
    if (const int code = uv_tcp_bind(tcp, options.from->raw(), 0); code != 0) {
      return base::fail_uv("connect from " + options.from->to_string(), code);
    }
  }
  inner.set_handler(handler);
  inner.use_tls(options.tls);
  inner.begin_connect(to.to_string(), options.timeout);
  const int code = uv_tcp_connect(inner.connect_request(), tcp, to.raw(), core::connected);
  if (code != 0) return base::fail_uv("connect to " + to.to_string(), code);
  uv_tcp_nodelay(tcp, 1);
  return made;
}

base::result<stream> stream::connect_unix(uv_loop_t* on, const std::string& path, stream_handler& handler) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return base::fail(base::errc::invalid, "connect to " + path + ": the path is too long for a socket");
  }
  auto made = make(socket::make_pipe(on, std::make_unique<core>()));
  if (!made) return made;
  core& inner = made->inner();
  inner.set_handler(handler);
  inner.begin_connect(path, std::chrono::milliseconds(0));
  uv_pipe_connect(inner.connect_request(), &made->socket_.raw()->pipe, path.c_str(), core::connected);
  return made;
}

base::result<stream> stream::adopt(uv_loop_t* on, accepted_socket from, const tls_options& tls) {
  auto made = make(from.is_tcp ? socket::make_tcp(on, std::make_unique<core>())
                               : socket::make_pipe(on, std::make_unique<core>()));
  if (!made) return made;
  base::uv::any_socket* raw = made->socket_.raw();
  const int code =
      from.is_tcp ? uv_tcp_open(&raw->tcp, from.fd.get()) : uv_pipe_open(&raw->pipe, from.fd.get());
  if (code != 0) return base::fail_uv("adopt a socket", code);
  static_cast<void>(from.fd.release());
  if (from.is_tcp) uv_tcp_nodelay(&raw->tcp, 1);
  if (!made->inner().keep(std::move(from))) {
    return base::fail(base::errc::limit, "it made room for others");
  }
  made->inner().use_tls(tls);
  return made;
}

void stream::start(stream_handler& handler) {
  inner().set_handler(handler);
  inner().open();
}

void stream::set_handler(stream_handler& handler) {
  inner().set_handler(handler);
}
admission_limit::place& stream::place() const {
  return inner().place();
}
void stream::count_with(const base::socket_address& client) {
  inner().count_with(client);
}
void stream::write(base::bytes_span bytes) {
  inner().write(bytes);
}
std::span<std::uint8_t> stream::write_in_place(std::size_t size) {
  return inner().write_in_place(size);
}
void stream::write_owned(base::bytes_span bytes, release_fn release, void* context) {
  inner().write_owned(bytes, release, context);
}
void stream::mark() {
  inner().mark();
}
std::span<std::uint8_t> stream::write_ahead(std::size_t size) {
  return inner().write_ahead(size);
}
std::size_t stream::bytes_ahead() const {
  return inner().bytes_ahead();
}
std::size_t stream::send_file(int file, std::uint64_t offset, std::size_t most) {
  return inner().send_file(file, offset, most);
}
void stream::flush() {
  inner().flush();
}
std::size_t stream::bytes_queued() const {
  return inner().bytes_queued();
}
void stream::set_low_mark(std::size_t bytes) {
  inner().set_low_mark(bytes);
}
std::uint64_t stream::bytes_read() const {
  return inner().bytes_read();
}
std::uint64_t stream::bytes_written() const {
  return inner().bytes_written();
}
void stream::pause() {
  inner().pause();
}
void stream::resume() {
  inner().resume();
}
bool stream::paused() const {
  return inner().paused();
}
int stream::descriptor() const {
  uv_os_fd_t fd = -1;
  return uv_fileno(socket_.base(), &fd) == 0 ? fd : -1;
}
bool stream::hung_up() const {
  const int fd = descriptor();
  if (fd < 0) return true;
  pollfd seen{fd, POLLRDHUP, 0};
  return ::poll(&seen, 1, 0) == 1;
}
bool stream::securing() const {
  return inner().securing();
}
std::string_view stream::tls_version() const {
  return inner().tls_version();
}
std::string_view stream::alpn() const {
  return inner().alpn();
}
std::optional<net::peer_certificate> stream::peer_certificate() const {
  return inner().peer();
}
bool stream::may_start_tls() const {
  return socket_ && inner().may_start_tls();
}
void stream::start_tls(const tls_options& options, std::optional<base::bytes_span> first) {
  inner().start_tls(options, first);
}
void stream::give_tls(base::bytes_span first) {
  inner().give_tls(first);
}
void stream::end() {
  inner().end();
}

void stream::close_when_written(std::chrono::milliseconds patience) {
  if (!socket_) return;
  core& inner = *socket_.payload();
  inner.outlive(std::move(socket_), patience);
}

void stream::close() {
  if (!socket_) return;
  inner().silence();
  socket_.close();
}

void stream::set_nodelay(bool at_once) {
  const int on = at_once ? 1 : 0;
  setsockopt(descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void stream::set_keepalive(std::chrono::seconds silence) {
  constexpr int probes = 4;
  constexpr int most = 32767; // the kernel's limit, in seconds
  const int fd = descriptor();
  const int after = static_cast<int>(std::clamp<std::chrono::seconds::rep>(silence.count(), 0, most));
  const int on = after > 0 ? 1 : 0;
  if (on == 1) {
    const int between = std::max(1, after / probes);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &after, sizeof after);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof between);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  }
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

void stream::set_unsent_limit(std::size_t bytes) {
  const int most = static_cast<int>(std::min<std::size_t>(bytes, std::numeric_limits<int>::max()));
  setsockopt(descriptor(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof most);
}

base::result<base::socket_address> stream::peer_address() const {
  sockaddr_storage raw{};
  int length = sizeof raw;
  const int code = uv_tcp_getpeername(&socket_.raw()->tcp, reinterpret_cast<sockaddr*>(&raw), &length);
  if (code != 0) return base::fail_uv("ask for the peer's address", code);
  return base::socket_address::from_raw(reinterpret_cast<sockaddr*>(&raw), static_cast<socklen_t>(length));
}

base::result<base::socket_address> stream::local_address() const {
  sockaddr_storage raw{};
  int length = sizeof raw;
  const int code = uv_tcp_getsockname(&socket_.raw()->tcp, reinterpret_cast<sockaddr*>(&raw), &length);
  if (code != 0) return base::fail_uv("ask for the local address", code);
  return base::socket_address::from_raw(reinterpret_cast<sockaddr*>(&raw), static_cast<socklen_t>(length));
}

base::result<std::uint32_t> stream::peer_uid() const {
  uv_os_fd_t fd = -1;
  if (const int code = uv_fileno(socket_.base(), &fd); code != 0)
    return base::fail_uv("ask for the peer", code);
  ucred who{};
  socklen_t length = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) {
    return base::fail_errno("ask for the peer", errno);
  }
  return who.uid;
}

} // namespace coppice::net
