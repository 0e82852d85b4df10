// SPDX-License-Identifier: MIT
// Uses uv_poll and system calls rather than uv_udp, which reports no local address, no drops and no time, and
// takes one datagram in a call. The loop's thread.
#include "net/datagram/datagram_socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/uv.hpp"
#include "net/datagram/datagram_batch.hpp"
#include "net/listening/bind_error.hpp"

namespace coppice::net {
namespace {

constexpr std::size_t largest_batch = 1024;

base::status check_options(const datagram_options& options) {
  const auto wrong = [](std::string text) { return base::fail(base::errc::invalid, std::move(text)); };
  if (options.max_datagram < 1 || options.max_datagram > largest_datagram)
    return wrong(fmt::format("max_datagram: 1 to {} bytes", largest_datagram));
  if (options.batch < 1 || options.batch > largest_batch)
    return wrong(fmt::format("batch: 1 to {}", largest_batch));
  if (options.multicast_ttl < 0 || options.multicast_ttl > 255) return wrong("multicast ttl: 0 to 255");
  return {};
}

int level_of(const base::socket_address& address) {
  return address.is_ipv6() ? IPPROTO_IPV6 : IPPROTO_IP;
}

bool set(int fd, int level, int which, int value) {
  return setsockopt(fd, level, which, &value, sizeof value) == 0;
}

// 0: the route decides.
base::result<unsigned> index_of(const std::string& interface) {
  if (interface.empty()) return 0U;
  const unsigned index = if_nametoindex(interface.c_str());
  if (index == 0) return base::fail(base::errc::not_found, "there is no interface " + interface);
  return index;
}

base::status prepare_multicast(int fd, bool is_ipv6, const datagram_options& options) {
  const auto interface = index_of(options.multicast_interface);
  if (!interface) return unexpected(interface.error());
  const int level = is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
  // Receive only for the groups that this socket has joined, not for those of other sockets.
  bool fine =
      set(fd, level, is_ipv6 ? IPV6_MULTICAST_ALL : IP_MULTICAST_ALL, 0) &&
      set(fd, level, is_ipv6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL, options.multicast_ttl) &&
      set(fd, level, is_ipv6 ? IPV6_MULTICAST_LOOP : IP_MULTICAST_LOOP, options.multicast_loop ? 1 : 0);
  if (fine && *interface != 0) {
    ip_mreqn by_index{};
    by_index.imr_ifindex = static_cast<int>(*interface);
    fine = is_ipv6 ? set(fd, level, IPV6_MULTICAST_IF, static_cast<int>(*interface))
                   : setsockopt(fd, level, IP_MULTICAST_IF, &by_index, sizeof by_index) == 0;
  }
  if (!fine) return base::fail_errno("multicast", errno);
  return {};
}

void set_receive_buffer(int fd, std::size_t bytes) {
  const int wanted = static_cast<int>(std::min<std::size_t>(bytes, 1U << 30));
  // SO_RCVBUFFORCE goes beyond the system's bound, but needs CAP_NET_ADMIN.
  if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, wanted)) set(fd, SOL_SOCKET, SO_RCVBUF, wanted);
}

// How many datagrams the kernel has dropped on this socket.
std::uint32_t drops_of(int fd) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> numbers{};
  socklen_t length = sizeof numbers;
  getsockopt(fd, SOL_SOCKET, SO_MEMINFO, numbers.data(), &length);
  return numbers[SK_MEMINFO_DROPS];
}

base::status change_membership(int fd, int what, const base::socket_address& group,
                               const std::string& interface) {
  const auto index = index_of(interface);
  if (!index) return unexpected(index.error());
  group_req request{};
  request.gr_interface = *index;
  std::memcpy(&request.gr_group, group.raw(), group.raw_length());
  if (setsockopt(fd, level_of(group), what, &request, sizeof request) == 0) return {};
  return base::fail_errno((what == MCAST_JOIN_GROUP ? "join " : "leave ") + group.host(), errno);
}

base::status join_groups(int fd, const datagram_options& options) {
  for (const base::socket_address& group : options.groups)
    if (auto done = change_membership(fd, MCAST_JOIN_GROUP, group, options.multicast_interface); !done)
      return done;
  return {};
}

// Sets all options that must be set before anything is received.
base::status prepare(int fd, bool is_ipv6, const datagram_options& options) {
  if (const int failed = ask_for_details(fd, is_ipv6); failed != 0)
    return base::fail_errno("open a UDP socket", failed);
  if (options.receive_buffer != 0) set_receive_buffer(fd, options.receive_buffer);
  return prepare_multicast(fd, is_ipv6, options);
}

base::result<base::unique_fd> open_socket(const base::socket_address& address,
                                          const datagram_options& options) {
  const int family = address.is_ipv6() ? AF_INET6 : AF_INET;
  base::unique_fd fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return base::fail_errno("open a UDP socket", errno);
  if (address.is_ipv6()) set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (options.reuse_port) set(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (auto done = prepare(fd.get(), address.is_ipv6(), options); !done)
    return unexpected(std::move(done.error()));
  if (::bind(fd.get(), address.raw(), address.raw_length()) != 0)
    return fail_to_bind("bind UDP to", address, errno, "ListenDatagram");
  if (auto done = join_groups(fd.get(), options); !done) return unexpected(std::move(done.error()));
  return fd;
}

// Whether the error may concern the piece only, so that its datagrams can leave one by one: together they are
// larger than the network's packets, or the card does not compute their checksums.
bool is_of_piece(int number) {
  return number == EINVAL || number == EIO || number == EMSGSIZE || number == EOPNOTSUPP;
}

// Whether the error belongs to an earlier datagram; the next call of any kind returns it.
bool is_pending(int number) {
  return number == ECONNREFUSED || number == EHOSTUNREACH || number == ENETUNREACH || number == EHOSTDOWN ||
         number == ENOPROTOOPT || number == EPROTO;
}

} // namespace

class datagram_socket::inner {
 public:
  inner(base::unique_fd fd, const datagram_options& options, datagram_handler& handler)
      : fd_(std::move(fd)),
        batch_(options.batch, options.max_datagram),
        by_hand_(options.by_hand),
        handler_(handler),
        address_(bound_to()),
        segment_(largest_segment(fd_.get())),
        seen_drops_(drops_of(fd_.get())) {}
  inner(const inner&) = delete;
  inner& operator=(const inner&) = delete;

  base::status watch(uv_loop_t* on) {
    auto made =
        base::uv::poll::make(on, fd_.get(), [this](int status, int events) { happened(status, events); });
    if (!made) return unexpected(std::move(made.error()));
    poll_ = std::move(*made);
    return poll_.start(wanted());
  }

  const base::socket_address& address() const { return address_; }
  int fd() const { return fd_.get(); }
  datagram_counts counts() const { return counts_; }

  void pause() { want(true, full_); }
  void resume() { want(false, full_); }

  send_outcome send(std::span<const outgoing_datagram> all) {
    send_outcome out;
    std::size_t together = segment_;
    for (int tries = 0; out.count < all.size();) {
      const auto rest = all.subspan(out.count);
      const int sent = send_batch(fd_.get(), rest, together);
      if (sent >= 0) {
        // The datagrams left one by one after all. From now on datagrams of this size do not leave in pieces.
        if (together != segment_) together = segment_ = rest.front().bytes.size() - 1;
        out.count += static_cast<std::size_t>(sent);
        counts_.sent += static_cast<std::uint64_t>(sent);
        continue;
      }
      if (sent == -EAGAIN || sent == -ENOBUFS) {
        want(paused_, true);
        out.full = true;
        break;
      }
      if (is_of_piece(-sent) && in_one_piece(rest, together) > 1) {
        together = 0;
        continue;
      }
      // on_error() gets the error from the error queue. The datagram has not been tried yet.
      if (sent == -EINTR || (is_pending(-sent) && ++tries <= most_tries)) continue;
      out.failed = why_not(all[out.count], -sent);
      break;
    }
    return out;
  }

  std::span<const datagram> receive() {
    const auto got = batch_.receive(fd_.get(), address_.port());
    if (got.empty()) {
      if (batch_.number() != 0) tell_errors();
      return {};
    }
    counts_.received += got.size();
    counts_.truncated += static_cast<std::uint64_t>(
        std::count_if(got.begin(), got.end(), [](const datagram& one) { return one.truncated(); }));
    // If the socket had another owner before, the waiting datagrams may report fewer drops than are known.
    if (const auto more = static_cast<std::int32_t>(batch_.kernel_drops() - seen_drops_); more > 0) {
      counts_.kernel_dropped += static_cast<std::uint64_t>(more);
      seen_drops_ = batch_.kernel_drops();
    }
    return got;
  }

  void stop() {
    stopped_ = true;
    poll_.close();
    fd_.reset();
  }
  // Keeps the object alive while the handler looks at its batch.
  static void dispose(std::unique_ptr<inner> of) {
    if (!of->running_) return;
    inner* self = of.get();
    self->self_ = std::move(of);
  }

 private:
  static constexpr int most_tries = 8;

  static base::error why_not(const outgoing_datagram& one, int number) {
    if (number == EMSGSIZE) {
      return {base::errc::limit, fmt::format("send {} bytes to {}: more than the network takes",
                                             one.bytes.size(), one.peer.to_string())};
    }
    return base::fail_errno("send to " + one.peer.to_string(), number).error();
  }

  base::socket_address bound_to() const {
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&raw), &length);
    return base::socket_address::from_raw(reinterpret_cast<sockaddr*>(&raw), length)
        .value_or(base::socket_address());
  }

  int wanted() const { return (paused_ ? 0 : UV_READABLE) | (full_ ? UV_WRITABLE : 0); }
  void want(bool paused, bool full) {
    if (stopped_ || (paused == paused_ && full == full_)) return;
    paused_ = paused;
    full_ = full;
    static_cast<void>(poll_.start(wanted()));
  }

  void happened(int status, int events) {
    running_ = true;
    if (status < 0) {
      // libuv takes an entry in the error queue for a failure of the descriptor, and stops polling.
      tell_errors();
      if (!stopped_) static_cast<void>(poll_.start(wanted()));
    } else {
      if ((events & UV_WRITABLE) != 0 && full_) {
        want(paused_, false);
        handler_.on_writable();
      }
      if ((events & UV_READABLE) != 0 && !paused_ && !stopped_) {
        if (by_hand_) {
          handler_.on_readable();
        } else if (const auto got = receive(); !got.empty()) {
          handler_.on_datagrams(got);
        }
      }
    }
    running_ = false;
    // If its handler has closed the socket, this destroys the object.
    const std::unique_ptr<inner> last = std::move(self_);
  }

  void tell_errors() {
    const std::vector<datagram_error> all = take_errors(fd_.get());
    counts_.errors += all.size();
    for (const datagram_error& each : all) {
      if (stopped_) return;
      handler_.on_error(each);
    }
  }

  base::unique_fd fd_;
  received_batch batch_;
  const bool by_hand_;
  datagram_handler& handler_;
  base::socket_address address_;
  datagram_counts counts_;
  std::size_t segment_; // largest_segment(), lowered when a piece was refused
  std::uint32_t seen_drops_;
  bool paused_ = false;
  bool full_ = false; // the socket's send buffer is full
  bool running_ = false;
  bool stopped_ = false;
  base::uv::poll poll_; // declared after fd_: closed before it
  std::unique_ptr<inner> self_;
};

datagram_socket::datagram_socket() = default;
datagram_socket::datagram_socket(std::unique_ptr<inner> made) : inner_(std::move(made)) {}
datagram_socket::datagram_socket(datagram_socket&& other) noexcept = default;
datagram_socket::~datagram_socket() {
  close();
}

datagram_socket& datagram_socket::operator=(datagram_socket&& other) noexcept {
  if (this != &other) {
    close();
    inner_ = std::move(other.inner_);
  }
  return *this;
}

base::result<datagram_socket> datagram_socket::open(uv_loop_t* on, const base::socket_address& address,
                                                    const datagram_options& options,
                                                    datagram_handler& handler) {
  if (auto fine = check_options(options); !fine) return unexpected(std::move(fine.error()));
  auto fd = open_socket(address, options);
  if (!fd) return unexpected(std::move(fd.error()));
  return open(on, std::move(*fd), options, handler);
}

base::result<base::unique_fd> datagram_socket::bind(const base::socket_address& address,
                                                    const datagram_options& options) {
  if (auto fine = check_options(options); !fine) return unexpected(std::move(fine.error()));
  return open_socket(address, options);
}

base::result<base::unique_fd> datagram_socket::adopt(base::unique_fd bound, const datagram_options& options) {
  if (auto fine = check_options(options); !fine) return unexpected(std::move(fine.error()));
  const int fd = bound.get();
  int family = AF_UNSPEC;
  socklen_t length = sizeof family;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) != 0 ||
      fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
    return base::fail_errno("take a UDP socket", errno);
  auto done = prepare(fd, family == AF_INET6, options);
  if (done) done = join_groups(fd, options);
  if (!done) return unexpected(std::move(done.error()));
  return bound;
}

base::result<datagram_socket> datagram_socket::open(uv_loop_t* on, base::unique_fd bound,
                                                    const datagram_options& options,
                                                    datagram_handler& handler) {
  auto made = std::make_unique<inner>(std::move(bound), options, handler);
  if (auto watching = made->watch(on); !watching) return unexpected(std::move(watching.error()));
  return datagram_socket(std::move(made));
}

base::socket_address datagram_socket::address() const {
  return inner_->address();
}
send_outcome datagram_socket::send(std::span<const outgoing_datagram> all) {
  return inner_->send(all);
}
void datagram_socket::pause() {
  inner_->pause();
}
void datagram_socket::resume() {
  inner_->resume();
}
datagram_counts datagram_socket::counts() const {
  return inner_->counts();
}
std::span<const datagram> datagram_socket::receive() {
  return inner_->receive();
}
void datagram_socket::stop() {
  if (inner_) inner_->stop();
}
void datagram_socket::close() {
  if (!inner_) return;
  inner_->stop();
  inner::dispose(std::move(inner_));
}

base::status datagram_socket::join(const base::socket_address& group, const std::string& interface) {
  return change_membership(inner_->fd(), MCAST_JOIN_GROUP, group, interface);
}
base::status datagram_socket::leave(const base::socket_address& group, const std::string& interface) {
  return change_membership(inner_->fd(), MCAST_LEAVE_GROUP, group, interface);
}

// The kernel doubles the value it is given, for its own overhead.
std::size_t datagram_socket::receive_buffer() const {
  int bytes = 0;
  socklen_t length = sizeof bytes;
  getsockopt(inner_->fd(), SOL_SOCKET, SO_RCVBUF, &bytes, &length);
  return static_cast<std::size_t>(bytes) / 2;
}

} // namespace coppice::net
