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

#include "net/stream/socket_carrier.hpp"
#include "net/stream/stream_core.hpp"

namespace coppice::net {
namespace {

base::result<base::socket_address> address_of(int fd, int (*asked)(int, sockaddr*, socklen_t*),
                                              const char* what) {
  sockaddr_storage raw{};
  socklen_t length = sizeof raw;
  if (asked(fd, reinterpret_cast<sockaddr*>(&raw), &length) != 0)
    return base::fail_uv(what, uv_translate_sys_error(errno));
  return base::socket_address::from_raw(reinterpret_cast<sockaddr*>(&raw), length);
}

} // namespace

stream::stream() = default;
stream::stream(stream&& other) noexcept = default;
stream::stream(uv_loop_t* on, carrier_ptr by) : core_(std::make_unique<core>(on, std::move(by)).release()) {}
stream::~stream() = default;

stream& stream::operator=(stream&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::move(other.core_);
  }
  return *this;
}

void stream::close_core::operator()(core* one) const {
  one->close();
}

stream::core& stream::inner() const {
  return *core_;
}

base::result<stream> stream::connect(uv_loop_t* on, const base::socket_address& to,
                                     const connect_options& options, stream_handler& handler) {
  auto made = socket_carrier::make(on, true);
  if (!made) return unexpected(std::move(made.error()));
  socket_carrier& socket = **made;
  if (options.from) {
    if (const int code = socket.bind(*options.from); code != 0) {
      return base::fail_uv("connect from " + options.from->to_string(), code);
    }
  }
  stream out(on, std::move(*made));
  out.inner().set_handler(handler);
  out.inner().use_tls(options.tls);
  out.inner().begin_connect(to.to_string(), options.timeout);
  const int code = socket.connect(to);
  if (code != 0) return base::fail_uv("connect to " + to.to_string(), code);
  socket.set_nodelay();
  return out;
}

base::result<stream> stream::connect_unix(uv_loop_t* on, const std::string& path, stream_handler& handler) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return base::fail(base::errc::invalid, "connect to " + path + ": the path is too long for a socket");
  }
  auto made = socket_carrier::make(on, false);
  if (!made) return unexpected(std::move(made.error()));
  socket_carrier& socket = **made;
  stream out(on, std::move(*made));
  out.inner().set_handler(handler);
  out.inner().begin_connect(path, std::chrono::milliseconds(0));
  socket.connect(path);
  return out;
}

base::result<stream> stream::adopt(uv_loop_t* on, accepted_socket from, const tls_options& tls) {
  auto made = socket_carrier::make(on, from.is_tcp);
  if (!made) return unexpected(std::move(made.error()));
  socket_carrier& socket = **made;
  if (const int code = socket.open(from.fd.get()); code != 0) return base::fail_uv("adopt a socket", code);
  static_cast<void>(from.fd.release());
  if (from.is_tcp) socket.set_nodelay();
  stream out = over(on, std::move(*made), tls);
  if (!out.inner().keep(std::move(from))) {
    return base::fail(base::errc::limit, "it made room for others");
  }
  return out;
}

stream stream::over(uv_loop_t* on, carrier_ptr by, const tls_options& tls) {
  stream out(on, std::move(by));
  out.inner().use_tls(tls);
  return out;
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
bool stream::accepts() const {
  return inner().accepts();
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
  return inner().descriptor();
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
bool stream::is_broken() const {
  return core_ && inner().cannot_write();
}
bool stream::may_start_tls() const {
  return core_ && inner().may_start_tls();
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
  if (core_) core_.release()->outlive(patience);
}

void stream::reset() {
  if (core_) core_.release()->reset();
}

void stream::close() {
  core_.reset();
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
  return address_of(descriptor(), ::getpeername, "ask for the peer's address");
}

base::result<base::socket_address> stream::local_address() const {
  return address_of(descriptor(), ::getsockname, "ask for the local address");
}

base::result<std::uint32_t> stream::peer_uid() const {
  ucred who{};
  socklen_t length = sizeof who;
  if (getsockopt(descriptor(), SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) {
    return base::fail_errno("ask for the peer", errno);
  }
  return who.uid;
}

} // namespace coppice::net
