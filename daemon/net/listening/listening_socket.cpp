// SPDX-License-Identifier: MIT
// A kept Unix-domain socket is useful only while its path leads to it: the file may have been removed or
// replaced. SO_PEERCRED of a connection reports the process that called listen() last, which is this one once
// it has called it again.
#include "net/listening/listening_socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/log.hpp"
#include "net/listening/bind_error.hpp"

namespace coppice::net {
namespace {

base::result<base::unique_fd> open_socket(int family) {
  base::unique_fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return base::fail_errno("open a socket", errno);
  return fd;
}

base::result<base::unique_fd> bind_tcp(const base::socket_address& address, int backlog) {
  auto fd = open_socket(address.is_ipv6() ? AF_INET6 : AF_INET);
  if (!fd) return fd;
  const int on = 1;
  setsockopt(fd->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.is_ipv6()) setsockopt(fd->get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  // Two sockets may be bound to one address under SO_REUSEADDR until one of them listens.
  if (bind(fd->get(), address.raw(), address.raw_length()) != 0 || listen(fd->get(), backlog) != 0)
    return fail_to_bind("listen on", address, errno, "ListenStream");
  return fd;
}

base::result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return base::fail(base::errc::invalid, fmt::format("listen on {}: a socket's path has 1 to {} bytes",
                                                       path, sizeof address.sun_path - 1));
  }
  path.copy(address.sun_path, path.size());
  return address;
}

// Whether a process accepts connections at `address`. A socket file without a listener refuses.
bool answers(const sockaddr_un& address) {
  auto fd = open_socket(AF_UNIX);
  if (!fd) return true;
  if (connect(fd->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
  return errno != ECONNREFUSED && errno != ENOENT;
}

base::status remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return base::fail_errno("listen on " + path, errno);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return base::fail(base::errc::exists, "listen on " + path + ": a file that is no socket is in the way");
  }
  if (answers(address)) {
    return base::fail(base::errc::exists, "listen on " + path + ": another process listens there");
  }
  if (unlink(path.c_str()) != 0) return base::fail_errno("remove " + path, errno);
  return {};
}

// Whether a connection to `address` reaches this process.
bool leads_to_us(const sockaddr_un& address) {
  auto fd = open_socket(AF_UNIX);
  if (!fd) return false;
  if (connect(fd->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno == EAGAIN; // the backlog is full, which only the kept socket's can be
  ucred who{};
  socklen_t length = sizeof who;
  return getsockopt(fd->get(), SOL_SOCKET, SO_PEERCRED, &who, &length) == 0 && who.pid == getpid();
}

// 0, or errno.
int set_access(const unix_place& at) {
  // A process that has the group anyway need not be allowed to give files away.
  struct stat made {};
  const bool has_group = !at.group || (stat(at.path.c_str(), &made) == 0 && made.st_gid == *at.group);
  mode_t mode = at.mode;
  if (!has_group && chown(at.path.c_str(), static_cast<uid_t>(-1), *at.group) != 0) {
    if (errno != EPERM || !at.mode_without_group) return errno;
    mode = *at.mode_without_group;
    base::log::info("net", "{}: this user may not give it to its group, so its mode is {:04o}", at.path,
                    mode);
  }
  return chmod(at.path.c_str(), mode) == 0 ? 0 : errno;
}

// The file of a socket unit belongs to systemd, so its access can only be checked.
base::status check_access(const unix_place& at) {
  if (set_access(at) == 0) return {};
  struct stat info {};
  if (stat(at.path.c_str(), &info) != 0) return base::fail_errno("listen on " + at.path, errno);
  const mode_t has = info.st_mode & 0777;
  const bool wider = (has & ~at.mode) != 0;
  const bool other_group = at.group && (has & 0070) != 0 && info.st_gid != *at.group;
  if (!wider && !other_group) return {};
  return base::fail(
      base::errc::refused,
      fmt::format("listen on {}: {}, which is not ours to change: let its socket unit have "
                  "SocketMode={:04o}, and SocketGroup= as configured",
                  at.path, wider ? fmt::format("it has mode {:04o}", has) : "it is another group's",
                  at.mode));
}

base::result<base::unique_fd> bind_unix(const unix_place& at, int backlog) {
  auto address = unix_address(at.path);
  if (!address) return unexpected(std::move(address.error()));
  if (auto cleared = remove_stale(at.path, *address); !cleared) return unexpected(std::move(cleared.error()));
  auto fd = open_socket(AF_UNIX);
  if (!fd) return fd;
  // The file gets its first mode from the socket, so it is never open to more users than intended.
  fchmod(fd->get(), 0600);
  if (bind(fd->get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return base::fail_errno("listen on " + at.path, errno);
  }
  int number = set_access(at);
  if (number == 0 && listen(fd->get(), backlog) != 0) number = errno;
  if (number != 0) {
    unlink(at.path.c_str());
    return base::fail_errno("listen on " + at.path, number);
  }
  return fd;
}

// Empty: no socket is kept, or its path leads elsewhere.
base::result<std::optional<listening_socket>> go_on_with(const unix_place& at, int backlog,
                                                         const keeping& kept) {
  const auto address = unix_address(at.path);
  if (!address || kept.store == nullptr) return std::nullopt;
  auto found = kept.store->take_unix(kept.name, at.path);
  if (!found) return std::nullopt;
  if (!listen_again(found->fd.get(), backlog) || !leads_to_us(*address)) {
    base::log::warning("net", "{} does not lead to the socket that was kept for it: making another", at.path);
    return std::nullopt;
  }
  if (auto fits = check_access(at); !fits) return unexpected(std::move(fits.error()));
  return listening_socket{std::move(found->fd), std::move(found->place), at.path, kept.owns_path};
}

base::result<listening_socket> keep(base::unique_fd fd, const keeping& kept, std::string path = {}) {
  listening_socket out{std::move(fd), {}, std::move(path), false};
  out.made = !out.path.empty();
  if (kept.store != nullptr) out.place = kept.store->keep(kept.name, out.fd.get());
  return out;
}

// A passed socket that has not been taken may hold the port.
base::result<base::unique_fd> bind_with_way(const base::socket_address& address, int backlog,
                                            const keeping& kept) {
  auto fd = bind_tcp(address, backlog);
  if (fd || fd.error().code != base::errc::exists || kept.store == nullptr) return fd;
  return kept.store->make_way(address) ? bind_tcp(address, backlog) : std::move(fd);
}

} // namespace

base::status listen_again(int fd, int backlog) {
  const int flags = fcntl(fd, F_GETFL);
  const bool fine = flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && listen(fd, backlog) == 0;
  if (!fine) return base::fail_errno("go on with a listening socket", errno);
  return {};
}

base::result<listening_socket> open_tcp(const base::socket_address& address, port_range ports, int backlog,
                                        const keeping& kept) {
  if (kept.store != nullptr) {
    auto found = kept.store->take_tcp(kept.name, address, ports);
    if (found && listen_again(found->fd.get(), backlog))
      return listening_socket{std::move(found->fd), std::move(found->place)};
  }
  if (ports.first == ports.last) {
    base::socket_address only = address;
    only.set_port(ports.first);
    auto fd = bind_with_way(only, backlog, kept);
    if (!fd) return unexpected(std::move(fd.error()));
    return keep(std::move(*fd), kept);
  }
  base::socket_address candidate = address;
  for (unsigned port = ports.first; port <= ports.last; ++port) {
    candidate.set_port(static_cast<std::uint16_t>(port));
    auto fd = bind_tcp(candidate, backlog);
    if (fd) return keep(std::move(*fd), kept);
    if (fd.error().code != base::errc::exists) return unexpected(std::move(fd.error()));
  }
  return base::fail(base::errc::exists, fmt::format("listen on {}: no free port from {} to {}",
                                                    address.host(), ports.first, ports.last));
}

base::result<listening_socket> open_named(socket_store& passed, std::string_view name, int backlog) {
  auto found = passed.share_named(name);
  if (!found)
    return unexpected(std::move(found.error()).context(fmt::format("listen on the socket {}", name)));
  if (auto fits = listen_again(found->fd.get(), backlog); !fits) return unexpected(std::move(fits.error()));
  return listening_socket{std::move(found->fd), std::move(found->place), std::move(found->path), false};
}

base::result<listening_socket> open_unix(const unix_place& at, int backlog, const keeping& kept) {
  auto old = go_on_with(at, backlog, kept);
  if (!old) return unexpected(std::move(old.error()));
  if (*old) return std::move(**old);
  auto fd = bind_unix(at, backlog);
  if (!fd) return unexpected(std::move(fd.error()));
  return keep(std::move(*fd), kept, at.path);
}

} // namespace coppice::net
