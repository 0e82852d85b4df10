// SPDX-License-Identifier: MIT
// The functions of libc on sockets. Datagrams go over IPv4 alone.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/sock_diag.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "datagrams.hpp"
#include "files.hpp"
#include "hosts.hpp"
#include "real.hpp"
#include "sockets.hpp"

namespace coppice::simulated {
namespace {

unsigned host_here() {
  return current()->host;
}

// Empty: no address that a socket can have here.
std::optional<place> place_of(const sockaddr* address, socklen_t length, bool to_bind) {
  if (address->sa_family == AF_UNIX) {
    const auto* at = reinterpret_cast<const sockaddr_un*>(address);
    return place{0, 0,
                 std::string(at->sun_path, strnlen(at->sun_path, length - offsetof(sockaddr_un, sun_path)))};
  }
  if (address->sa_family != AF_INET) return std::nullopt;
  const auto* at = reinterpret_cast<const sockaddr_in*>(address);
  const std::uint32_t number = ntohl(at->sin_addr.s_addr);
  const unsigned host = number == 0 ? host_here() : host_of(number, host_here());
  if (host == most_hosts || (to_bind && host != host_here())) return std::nullopt;
  return place{host, ntohs(at->sin_port), {}};
}

void tell(int family, const place& where, sockaddr* into, socklen_t* length) {
  sockaddr_storage made{};
  socklen_t size = 0;
  if (family == AF_UNIX) {
    auto* at = reinterpret_cast<sockaddr_un*>(&made);
    at->sun_family = AF_UNIX;
    where.path.copy(at->sun_path, sizeof at->sun_path - 1);
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + where.path.size() + 1);
  } else {
    auto* at = reinterpret_cast<sockaddr_in*>(&made);
    at->sin_family = AF_INET;
    at->sin_port = htons(where.port);
    at->sin_addr.s_addr = htonl(address_of(where.host));
    size = sizeof *at;
  }
  std::memcpy(into, &made, std::min(size, *length));
  *length = size;
}

// Makes a file that other code can see, as bind(2) does.
int make_socket_file(const sockaddr* address, socklen_t length) {
  const int made = static_cast<int>(kernel(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (made < 0) return -errno;
  const long bound = kernel(SYS_bind, made, as_long(address), length);
  const int trouble = bound == 0 ? 0 : -errno;
  kernel(SYS_close, made);
  return trouble;
}

template <class Message>
std::span<const iovec> pieces_of(const Message& of) {
  return {of.msg_iov, of.msg_iovlen};
}

// Calls `does` until it returns something else than EAGAIN, or once if the call or the socket may not wait.
template <class Does>
ssize_t once(open_thing& one, int flags, Does&& does) {
  for (;;) {
    const ssize_t outcome = does();
    if (outcome != -EAGAIN || !one.blocks || (flags & MSG_DONTWAIT) != 0) return outcome;
    one.await_change(never);
  }
}

socket_handle handle_of(int fd) {
  return std::dynamic_pointer_cast<stream_socket>(share_thing(fd));
}

std::shared_ptr<datagram_socket> datagrams_of(int fd) {
  return std::dynamic_pointer_cast<datagram_socket>(share_thing(fd));
}

int datagram_option(datagram_socket& of, int level, int option, void* into, socklen_t* length) {
  if (level == SOL_SOCKET && option == SO_MEMINFO) {
    std::array<std::uint32_t, SK_MEMINFO_VARS> numbers{};
    numbers[SK_MEMINFO_DROPS] = of.dropped();
    std::memcpy(into, numbers.data(), std::min<std::size_t>(*length, sizeof numbers));
    return 0;
  }
  const std::optional<int> told = of.get(level, option);
  if (!told) return said(-ENOPROTOOPT);
  std::memcpy(into, &*told, std::min<std::size_t>(*length, sizeof *told));
  return 0;
}

// Sends or receives as many of the messages as can go on at once. Returns their number, or the result of the
// first one if it fails.
template <class Does>
int several(mmsghdr* all, unsigned count, Does&& does) {
  point();
  for (unsigned at = 0; at < count; ++at) {
    const ssize_t outcome = does(all[at].msg_hdr);
    if (outcome < 0) return at > 0 ? static_cast<int>(at) : said(static_cast<int>(outcome));
    all[at].msg_len = static_cast<unsigned>(outcome);
  }
  return static_cast<int>(count);
}

} // namespace
} // namespace coppice::simulated

using namespace coppice::simulated; // NOLINT: what follows are libc's names

extern "C" {

int socket(int family, int type, int) noexcept {
  point();
  if (out_of_descriptors()) return said(-EMFILE);
  if (family == AF_INET && (type & 0xf) == SOCK_DGRAM)
    return open_as(std::make_shared<datagram_socket>(), (type & SOCK_NONBLOCK) == 0);
  if ((type & 0xf) != SOCK_STREAM) return said(-EPROTONOSUPPORT);
  if (family != AF_INET && family != AF_UNIX) return said(-EAFNOSUPPORT);
  return open_as(std::make_shared<stream_socket>(family), (type & SOCK_NONBLOCK) == 0);
}

int socketpair(int family, int type, int, int* ends) noexcept {
  if (family != AF_UNIX || (type & 0xf) != SOCK_STREAM) return said(-EPROTONOSUPPORT);
  const auto first = std::make_shared<stream_socket>(family);
  const auto second_one = std::make_shared<stream_socket>(family);
  stream_socket::join(first, second_one);
  const bool blocks = (type & SOCK_NONBLOCK) == 0;
  ends[0] = open_as(first, blocks);
  ends[1] = open_as(second_one, blocks);
  return ends[1] < 0 ? -1 : 0;
}

int bind(int fd, const sockaddr* address, socklen_t length) noexcept {
  const socket_handle one = handle_of(fd);
  const auto other = datagrams_of(fd);
  if (!one && !other) return said(-EBADF);
  const auto where = place_of(address, length, true);
  if (!where) return said(-EADDRNOTAVAIL);
  if (other) return said(other->bind(*where, true));
  const bool is_file = !where->path.empty();
  if (is_file)
    if (const int trouble = make_socket_file(address, length); trouble < 0) return said(trouble);
  return said(one->bind(*where));
}

int listen(int fd, int backlog) noexcept {
  const socket_handle one = handle_of(fd);
  return said(one ? one->listen(backlog) : -EBADF);
}

int connect(int fd, const sockaddr* address, socklen_t length) {
  const socket_handle one = handle_of(fd);
  if (!one) return said(-EBADF);
  point();
  const auto to = place_of(address, length, false);
  if (!to) return said(address->sa_family == AF_INET ? -ENETUNREACH : -EAFNOSUPPORT);
  const int outcome = one->connect(*to);
  if (outcome != -EINPROGRESS || !(one->blocks || !to->path.empty())) return said(outcome);
  while (one->is_connecting()) one->await_change(never);
  return said(one->is_connected() ? 0 : -one->take_error());
}

int accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  const socket_handle one = handle_of(fd);
  if (!one) return said(-EBADF);
  if (!one->listens()) return said(-EINVAL);
  point();
  if (out_of_descriptors()) return said(-EMFILE);
  socket_handle next = one->accept();
  while (!next) {
    if (!one->blocks) return said(-EAGAIN);
    one->await_change(never);
    next = one->accept();
  }
  if (address != nullptr) tell(next->family(), next->other(), address, length);
  return open_as(next, (flags & SOCK_NONBLOCK) == 0);
}

int accept(int fd, sockaddr* address, socklen_t* length) {
  return accept4(fd, address, length, 0);
}

int shutdown(int fd, int how) noexcept {
  const socket_handle one = handle_of(fd);
  return said(one ? one->shut(how) : -EBADF);
}

int getsockname(int fd, sockaddr* into, socklen_t* length) noexcept {
  const socket_handle one = handle_of(fd);
  const auto other = datagrams_of(fd);
  if (!one && !other) return said(-EBADF);
  tell(one ? one->family() : AF_INET, one ? one->own() : other->own(), into, length);
  return 0;
}

int getpeername(int fd, sockaddr* into, socklen_t* length) noexcept {
  const socket_handle one = handle_of(fd);
  if (!one) return said(-EBADF);
  if (!one->is_connected()) return said(-ENOTCONN);
  tell(one->family(), one->other(), into, length);
  return 0;
}

int setsockopt(int fd, int level, int option, const void* value, socklen_t size) noexcept {
  const socket_handle one = handle_of(fd);
  if (const auto other = datagrams_of(fd)) {
    int number = 0;
    std::memcpy(&number, value, std::min<std::size_t>(size, sizeof number));
    return said(other->set(level, option, number));
  }
  if (!one) return said(-EBADF);
  if (level == SOL_SOCKET && option == SO_LINGER) {
    const auto* chosen = static_cast<const linger*>(value);
    if (chosen->l_onoff != 0 && chosen->l_linger == 0) one->close_at_once();
  }
  return 0;
}

int getsockopt(int fd, int level, int option, void* into, socklen_t* length) noexcept {
  const socket_handle one = handle_of(fd);
  if (const auto other = datagrams_of(fd)) return datagram_option(*other, level, option, into, length);
  if (!one) return said(-EBADF);
  if (level == SOL_SOCKET && option == SO_PEERCRED) {
    const ucred same{getpid(), getuid(), getgid()};
    std::memcpy(into, &same, std::min<std::size_t>(*length, sizeof same));
    return 0;
  }
  int told = 0;
  if (level != SOL_SOCKET && !(level == IPPROTO_TCP && option == TCP_NODELAY)) return said(-ENOPROTOOPT);
  if (option == SO_ERROR) told = one->take_error();
  if (option == SO_TYPE) told = SOCK_STREAM;
  if (option == SO_DOMAIN) told = one->family();
  if (option == SO_ACCEPTCONN) told = one->listens() ? 1 : 0;
  if (option == SO_SNDBUF || option == SO_RCVBUF) told = 65'536;
  std::memcpy(into, &told, std::min<std::size_t>(*length, sizeof told));
  return 0;
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  const socket_handle one = handle_of(fd);
  if (const auto other = datagrams_of(fd)) {
    point();
    return said(once(*other, flags, [&] { return other->send(*message); }));
  }
  if (!one) return said<ssize_t>(-EBADF);
  if (message->msg_controllen != 0) not_simulated("sendmsg with descriptors");
  const ssize_t outcome = once(*one, flags, [&] { return one->write(pieces_of(*message)); });
  point();
  return said(outcome);
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  const socket_handle one = handle_of(fd);
  if (const auto other = datagrams_of(fd)) {
    point();
    if ((flags & MSG_ERRQUEUE) != 0) return said(other->take_report(*message));
    return said(once(*other, flags, [&] { return other->receive(*message, flags); }));
  }
  if (!one) return said<ssize_t>(-EBADF);
  if ((flags & MSG_ERRQUEUE) != 0) return said<ssize_t>(-EAGAIN);
  if ((flags & MSG_PEEK) != 0) not_simulated("recvmsg that only looks");
  point();
  message->msg_controllen = 0;
  message->msg_flags = 0;
  return said(once(*one, flags, [&] { return one->read(pieces_of(*message)); }));
}

int recvmmsg(int fd, mmsghdr* all, unsigned count, int flags, timespec*) {
  const auto one = datagrams_of(fd);
  if (!one) return said(-ENOTSOCK);
  return several(all, count, [&](msghdr& each) { return one->receive(each, flags); });
}

int sendmmsg(int fd, mmsghdr* all, unsigned count, int) {
  const auto one = datagrams_of(fd);
  if (!one) return said(-ENOTSOCK);
  return several(all, count, [&](const msghdr& each) { return one->send(each); });
}

ssize_t sendfile64(int to, int from, off64_t* at, size_t most) noexcept {
  if (!is_simulated(to) && !file_at(to))
    return kernel(SYS_sendfile, to, from, as_long(at), static_cast<long>(most));
  std::string room(std::min<std::size_t>(most, 65'536), '\0');
  const long got = kernel(SYS_pread64, from, as_long(room.data()), static_cast<long>(room.size()),
                          at != nullptr ? *at : kernel(SYS_lseek, from, 0, SEEK_CUR));
  if (got <= 0) return got;
  const ssize_t sent = write(to, room.data(), static_cast<std::size_t>(got));
  if (sent > 0 && at != nullptr) *at += sent;
  if (sent > 0 && at == nullptr) kernel(SYS_lseek, from, sent, SEEK_CUR);
  return sent;
}

ssize_t sendfile(int to, int from, off_t* at, size_t most) noexcept {
  return sendfile64(to, from, at, most);
}

} // extern "C"
