// SPDX-License-Identifier: MIT
// The service manager removes all descriptors of a name at once, so those of the name that are still wanted
// are stored again. Sockets of a socket unit are passed like those of the store, and may then come twice; the
// second descriptor of a socket is closed silently.
#include "net/listening/socket_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <utility>

#include "base/log.hpp"
#include "base/printable.hpp"

namespace coppice::net {
namespace {

constexpr std::string_view module = "net";
constexpr int manager_patience = 5000; // ms

int option(int fd, int level, int which) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd, level, which, &value, &length) == 0 ? value : -1;
}

using name_of = int (*)(int, sockaddr*, socklen_t*);

std::optional<base::socket_address> address_of(int fd, name_of ask) {
  sockaddr_storage raw{};
  socklen_t length = sizeof raw;
  if (ask(fd, reinterpret_cast<sockaddr*>(&raw), &length) != 0) return std::nullopt;
  auto address = base::socket_address::from_raw(reinterpret_cast<sockaddr*>(&raw), length);
  if (!address) return std::nullopt;
  return *address;
}

// Empty: the socket has no path in the file system.
std::string path_of(int fd) {
  sockaddr_un raw{};
  socklen_t length = sizeof raw;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&raw), &length) != 0) return {};
  constexpr std::size_t before = offsetof(sockaddr_un, sun_path);
  if (raw.sun_family != AF_UNIX || length <= before || length > sizeof raw) return {};
  const std::string_view bytes(raw.sun_path, length - before);
  return std::string(bytes.substr(0, bytes.find('\0')));
}

bool same_host(const base::socket_address& a, const base::socket_address& b) {
  base::socket_address with_port = b;
  with_port.set_port(a.port());
  return a == with_port;
}

} // namespace

struct socket_store::waiting {
  std::string name;
  base::unique_fd fd;
  bool listens = false;
  bool takes_datagrams = false;             // a bound UDP socket that takes datagrams from any peer
  std::optional<base::socket_address> at{}; // its own address, or the peer's of a connection
  std::string path{};
  bool both_families = false;
  std::string wrong{};           // why it cannot be used; empty: it can
  std::uint64_t shared_with = 0; // id of the place that shares this socket; 0: none

  waiting(std::string called, base::unique_fd passed) : name(std::move(called)), fd(std::move(passed)) {
    const int family = option(fd.get(), SOL_SOCKET, SO_DOMAIN);
    listens = option(fd.get(), SOL_SOCKET, SO_ACCEPTCONN) == 1;
    const bool is_ip = family == AF_INET || family == AF_INET6;
    if (family < 0) {
      wrong = "it is no socket";
    } else if (is_ip && option(fd.get(), SOL_SOCKET, SO_TYPE) == SOCK_DGRAM) {
      at = address_of(fd.get(), getsockname);
      takes_datagrams = at && at->port() != 0 && !address_of(fd.get(), getpeername);
      if (!takes_datagrams) wrong = "it is of UDP, and unbound or connected";
    } else if (option(fd.get(), SOL_SOCKET, SO_TYPE) != SOCK_STREAM) {
      wrong = "it is no stream";
    } else if (family == AF_UNIX) {
      path = path_of(fd.get());
      if (!listens) wrong = "it does not listen";
    } else if (is_ip) {
      at = address_of(fd.get(), listens ? getsockname : getpeername);
      if (!at) wrong = "it neither listens nor is connected";
      both_families =
          listens && at && at->is_ipv6() && at->is_any() && option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY) != 1;
      if (both_families) wrong = "it takes IPv4 connections too (BindIPv6Only=ipv6-only is what is needed)";
    } else {
      wrong = "it is of no family that is served here";
    }
  }

  std::uint16_t port() const { return at ? at->port() : 0; }
  // The path as in taken::path.
  std::string taken_path() const { return at ? std::string() : path.empty() ? "@" : path; }

  std::string described() const {
    if (at) return fmt::format("{} {}", listens || takes_datagrams ? "at" : "connected to", at->to_string());
    return path.empty() ? "without an address" : "at " + base::printable(path);
  }

  // Whether no other socket can listen at `address` while this one does.
  bool is_in_the_way_of(const base::socket_address& address, kind of) const {
    if (!(of == kind::datagrams ? takes_datagrams : listens) || !at || at->port() != address.port())
      return false;
    if (at->is_ipv6() != address.is_ipv6()) return both_families;
    return at->is_any() || address.is_any() || same_host(*at, address);
  }
};

socket_store::place& socket_store::place::operator=(place&& other) noexcept {
  if (this != &other) {
    leave();
    of_ = std::exchange(other.of_, nullptr);
    id_ = other.id_;
  }
  return *this;
}

bool socket_store::place::stays() const {
  if (of_ == nullptr) return false;
  const std::scoped_lock held(of_->lock_);
  const auto found = of_->used_.find(id_);
  return of_->ended_ && found != of_->used_.end() && found->second.stored;
}

void socket_store::place::leave() {
  if (socket_store* const of = std::exchange(of_, nullptr)) of->leave(id_);
}

socket_store::socket_store(std::vector<passed_socket> passed, tell_fn tell) : tell_(std::move(tell)) {
  std::set<std::pair<dev_t, ino_t>> seen;
  for (passed_socket& one : passed) {
    struct stat info {};
    const bool known = fstat(one.fd.get(), &info) == 0 && S_ISSOCK(info.st_mode);
    if (known && !seen.insert({info.st_dev, info.st_ino}).second) continue;
    waiting_.emplace_back(std::move(one.name), std::move(one.fd));
  }
}

socket_store::~socket_store() = default;

template <class Match>
std::vector<socket_store::waiting>::iterator socket_store::find(std::string_view name, Match matches) {
  auto best = waiting_.end();
  for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
    if (at->shared_with != 0 || at->name != name || !matches(*at)) continue;
    if (best == waiting_.end() || at->port() < best->port()) best = at;
  }
  return best;
}

template <class Match>
std::optional<socket_store::taken> socket_store::take(std::string_view name, Match matches) {
  const std::scoped_lock held(lock_);
  const auto best = find(name, matches);
  if (best == waiting_.end()) return std::nullopt;
  base::unique_fd fd = std::move(best->fd);
  std::string path = best->taken_path();
  base::log::info(module, "{} goes on with the socket {}", best->name, best->described());
  // Its sender (the store, or a socket unit) still has it.
  used_.emplace(++last_, used{best->name, fd.get(), true});
  waiting_.erase(best);
  return taken{std::move(fd), place(*this, last_), std::move(path)};
}

std::optional<socket_store::taken> socket_store::take_tcp(std::string_view name,
                                                          const base::socket_address& address,
                                                          port_range ports) {
  return take(name, [&](const waiting& one) {
    if (!one.wrong.empty() || !one.listens || !one.at || !same_host(*one.at, address)) return false;
    const bool any = ports.first == 0 && ports.last == 0;
    return any || (one.at->port() >= ports.first && one.at->port() <= ports.last);
  });
}

std::optional<socket_store::taken> socket_store::take_unix(std::string_view name, const std::string& path) {
  return take(name, [&](const waiting& one) {
    return one.wrong.empty() && one.listens && !one.at && one.path == path;
  });
}

base::result<socket_store::taken> socket_store::share_named(std::string_view name) {
  // A socket for both families is wrong only where an address says which family is meant.
  const auto listens = [](const waiting& one) {
    return one.listens && (one.wrong.empty() || one.both_families);
  };
  return share(name, listens, "it does not listen");
}

base::result<socket_store::taken> socket_store::share_datagrams(std::string_view name) {
  return share(
      name, [](const waiting& one) { return one.takes_datagrams; }, "it takes no datagrams");
}

template <class Match>
base::result<socket_store::taken> socket_store::share(std::string_view name, Match matches,
                                                      std::string_view unlike) {
  const std::scoped_lock held(lock_);
  const auto found = find(name, matches);
  if (found != waiting_.end()) {
    base::unique_fd share(fcntl(found->fd.get(), F_DUPFD_CLOEXEC, 3));
    if (!share) return base::fail_errno("share a socket", errno);
    base::log::info(module, "{} goes on with the socket {}", found->name, found->described());
    found->shared_with = ++last_;
    return taken{std::move(share), place(*this, last_), found->taken_path()};
  }
  for (const waiting& one : waiting_) {
    if (one.name != name || one.shared_with != 0) continue;
    return base::fail(base::errc::invalid, "what was passed under this name is of no use: " +
                                               (one.wrong.empty() ? std::string(unlike) : one.wrong));
  }
  return base::fail(
      base::errc::not_found,
      fmt::format("none was passed under this name, or it is in use already: its socket unit needs "
                  "FileDescriptorName={0} and Service= this service, and is to be started before the service "
                  "(systemctl start {0}.socket, if that is its name)",
                  name));
}

std::optional<socket_store::taken> socket_store::take_connection(std::string_view name,
                                                                 const base::socket_address& peer) {
  return take(name, [&](const waiting& one) {
    return one.wrong.empty() && !one.listens && !one.takes_datagrams && one.at && *one.at == peer;
  });
}

std::optional<socket_store::taken> socket_store::take_datagrams(std::string_view name,
                                                                const base::socket_address& address) {
  return take(name, [&](const waiting& one) {
    return one.wrong.empty() && one.takes_datagrams && one.at && *one.at == address;
  });
}

socket_store::place socket_store::keep(std::string_view name, int descriptor) {
  if (!tell_) return {};
  const std::scoped_lock held(lock_);
  const bool stored = store(std::string(name), descriptor);
  if (!stored) {
    base::log::warning(module,
                       "the service manager does not take the socket of {}: a restart refuses who connects "
                       "meanwhile",
                       name);
  }
  used_.emplace(++last_, used{std::string(name), descriptor, stored});
  return {*this, last_};
}

bool socket_store::store(const std::string& name, int descriptor) {
  return tell_ && tell_(fmt::format("FDSTORE=1\nFDNAME={}", name), descriptor);
}

void socket_store::remove(const std::string& name) {
  // A name that is no text could be read as further lines.
  if (!tell_ || !base::is_printable(name)) return;
  tell_(fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name), -1);
  for (auto& [id, one] : used_)
    if (one.name == name) one.stored = store(name, one.descriptor);
  for (const waiting& one : waiting_)
    if (one.name == name) store(name, one.fd.get());
}

// BARRIER=1: the manager closes the descriptor once it has done everything that it was told before.
void socket_store::wait_for_manager() {
  std::array<int, 2> ends{};
  if (!tell_ || pipe2(ends.data(), O_CLOEXEC) != 0) return;
  const base::unique_fd read_end(ends[0]);
  base::unique_fd write_end(ends[1]);
  if (!tell_("BARRIER=1", write_end.get())) return;
  write_end.reset();
  pollfd closed{read_end.get(), 0, 0};
  static_cast<void>(poll(&closed, 1, manager_patience));
}

template <class Match>
bool socket_store::close_those(Match matches, std::string_view why) {
  std::set<std::string> names;
  std::vector<waiting> kept;
  for (waiting& one : waiting_) {
    if (!matches(one)) {
      kept.push_back(std::move(one));
      continue;
    }
    base::log::write(one.wrong.empty() ? base::log::level::info : base::log::level::warning, module, {},
                     "closing the socket {} {} that was passed: {}", base::printable(one.name),
                     one.described(), one.wrong.empty() ? why : std::string_view(one.wrong));
    names.insert(one.name);
  }
  waiting_ = std::move(kept); // closes the others
  for (const std::string& name : names) remove(name);
  return !names.empty();
}

bool socket_store::make_way(const base::socket_address& address, kind of) {
  const std::scoped_lock held(lock_);
  const auto matches = [&](const waiting& one) {
    return one.shared_with == 0 && one.is_in_the_way_of(address, of);
  };
  if (!close_those(matches, "its place is needed for another")) return false;
  wait_for_manager();
  return true;
}

void socket_store::close_rest(const std::set<std::string, std::less<>>& wanted) {
  const std::scoped_lock held(lock_);
  close_those([&](const waiting& one) { return one.shared_with == 0 && !wanted.contains(one.name); },
              "nothing is configured for it");
}

void socket_store::end() {
  const std::scoped_lock held(lock_);
  ended_ = true;
}

void socket_store::leave(std::uint64_t id) {
  const std::scoped_lock held(lock_);
  for (waiting& one : waiting_)
    if (one.shared_with == id) one.shared_with = 0;
  const auto found = used_.find(id);
  if (found == used_.end()) return;
  const std::string name = found->second.name;
  used_.erase(found);
  if (!ended_) remove(name);
}

} // namespace coppice::net
