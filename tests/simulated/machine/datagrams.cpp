// SPDX-License-Identifier: MIT
// See datagrams.hpp.
#include "datagrams.hpp"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <map>
#include <utility>
#include <vector>

#include "hosts.hpp"
#include "network.hpp"

namespace coppice::simulated {
namespace {

constexpr std::uint16_t first_own_port = 32'768;
constexpr std::size_t largest = 65'507;
constexpr std::size_t overhead = 256; // bytes of the kernel's for each datagram that waits

using socket_list = std::vector<std::weak_ptr<datagram_socket>>;

std::map<place, socket_list>& all_places() {
  static auto* const all = new std::map<place, socket_list>; // NOLINT: lives as long as the process
  return *all;
}

std::map<place, datagram_counts>& all_counts() {
  static auto* const all = new std::map<place, datagram_counts>; // NOLINT: lives as long as the process
  return *all;
}

// The socket that gets the datagrams from there. Each of the sockets that share a place has peers of its own.
// Null: there is none.
std::shared_ptr<datagram_socket> socket_at(const place& to, const place& from) {
  const auto found = all_places().find(to);
  if (found == all_places().end() || found->second.empty()) return nullptr;
  return found->second[(from.host * 31U + from.port) % found->second.size()].lock();
}

sockaddr_in raw_of(const place& of) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(of.port);
  out.sin_addr.s_addr = htonl(address_of(of.host));
  return out;
}

void tell_place(msghdr& into, const place& of) {
  const sockaddr_in raw = raw_of(of);
  if (into.msg_name != nullptr)
    std::memcpy(into.msg_name, &raw, std::min<std::size_t>(into.msg_namelen, sizeof raw));
  into.msg_namelen = sizeof raw;
}

class controls {
 public:
  explicit controls(msghdr& into) : into_(into), room_(std::exchange(into.msg_controllen, 0)) {}
  template <class Info>
  void add(int level, int type, const Info& info) {
    if (into_.msg_controllen + CMSG_SPACE(sizeof info) > room_) return;
    auto* const head =
        reinterpret_cast<cmsghdr*>(static_cast<char*>(into_.msg_control) + into_.msg_controllen);
    head->cmsg_level = level;
    head->cmsg_type = type;
    head->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(head), &info, sizeof info);
    into_.msg_controllen += CMSG_SPACE(sizeof info);
  }

 private:
  msghdr& into_;
  std::size_t room_;
};

// The size at which the message is to be cut. 0: it is one datagram.
std::size_t segment_of(const msghdr& message) {
  auto& all = const_cast<msghdr&>(message);
  for (cmsghdr* each = CMSG_FIRSTHDR(&all); each != nullptr; each = CMSG_NXTHDR(&all, each)) {
    if (each->cmsg_level != IPPROTO_UDP || each->cmsg_type != UDP_SEGMENT) continue;
    std::uint16_t size = 0;
    std::memcpy(&size, CMSG_DATA(each), sizeof size);
    return size;
  }
  return 0;
}

bool happens(std::uint64_t one_in_so_many) {
  return one_in_so_many != 0 && one_in(one_in_so_many);
}

} // namespace

datagram_weather& weather() {
  static auto* const one = new datagram_weather; // NOLINT: lives as long as the process
  return *one;
}

datagram_counts counts_of(unsigned host, std::uint16_t port) {
  return all_counts()[{host, port, {}}];
}

unsigned datagram_sockets(unsigned host, std::uint16_t port) {
  const auto found = all_places().find({host, port, {}});
  return found == all_places().end() ? 0 : static_cast<unsigned>(found->second.size());
}

datagram_socket::datagram_socket() : cuts_pieces_(!one_in(4)) {}

short datagram_socket::ready() {
  int out = 0;
  if (!waiting_.empty() || error_ != 0) out |= POLLIN;
  if (now() >= full_until_) out |= POLLOUT;
  if (error_ != 0 || !reports_.empty()) out |= POLLERR;
  return static_cast<short>(out);
}

void datagram_socket::close() {
  closed_ = true;
  if (!bound_) return;
  const auto found = all_places().find(own_);
  std::erase_if(found->second, [this](const auto& one) { return one.lock().get() == this; });
  if (found->second.empty()) all_places().erase(found);
}

int datagram_socket::bind(place where, bool shares) {
  if (bound_) return -EINVAL;
  if (where.port == 0)
    for (where.port = first_own_port; all_places().contains(where);) ++where.port;
  const auto found = all_places().find(where);
  if (found != all_places().end() && !(shares && shares_)) return -EADDRINUSE;
  own_ = std::move(where);
  bound_ = true;
  all_places()[own_].push_back(weak_from_this());
  return 0;
}

int datagram_socket::set(int level, int option, int value) {
  if (level == SOL_SOCKET && option == SO_REUSEPORT) shares_ = value != 0;
  if (level == IPPROTO_IP && option == IP_PKTINFO) tells_place_ = value != 0;
  if (level == IPPROTO_IP && option == IP_RECVERR) tells_errors_ = value != 0;
  if (level == SOL_SOCKET && option == SO_RXQ_OVFL) tells_drops_ = value != 0;
  if (level == SOL_SOCKET && option == SO_TIMESTAMPNS) tells_time_ = value != 0;
  if (level == SOL_SOCKET && option == SO_RCVBUFFORCE) return -EPERM;
  if (level == SOL_SOCKET && option == SO_RCVBUF) room_ = static_cast<std::size_t>(value) * 2;
  return 0;
}

std::optional<int> datagram_socket::get(int level, int option) {
  if (level == IPPROTO_UDP && option == UDP_SEGMENT) return 0;
  if (level != SOL_SOCKET) return std::nullopt;
  if (option == SO_ERROR) return std::exchange(error_, 0);
  if (option == SO_TYPE) return SOCK_DGRAM;
  if (option == SO_DOMAIN) return AF_INET;
  if (option == SO_RCVBUF) return static_cast<int>(room_);
  if (option == SO_REUSEPORT) return shares_ ? 1 : 0;
  return 0;
}

ssize_t datagram_socket::send(const msghdr& message) {
  if (error_ != 0) return -std::exchange(error_, 0);
  if (now() < full_until_) return -EAGAIN;
  if (happens(weather().full_one_in)) {
    full_until_ = now() + draw_between(10 * microsecond, 5 * millisecond);
    at(full_until_, [weak = weak_from_this()] {
      if (const auto one = weak.lock()) one->changed();
    });
    return -EAGAIN;
  }
  const auto* to = static_cast<const sockaddr_in*>(message.msg_name);
  if (to == nullptr || message.msg_namelen < sizeof *to) return -EDESTADDRREQ;
  if (to->sin_family != AF_INET) return -EAFNOSUPPORT;
  const unsigned to_host = host_of(ntohl(to->sin_addr.s_addr), host);
  if (to_host == most_hosts || to->sin_port == 0) return to->sin_port == 0 ? -EINVAL : -ENETUNREACH;
  if (!bound_) bind({host, 0, {}}, false);
  const std::string bytes = gather({message.msg_iov, message.msg_iovlen}, SIZE_MAX);
  const std::size_t segment = segment_of(message);
  if (segment != 0 && !cuts_pieces_) return -EIO;
  if (bytes.size() > largest) return -EMSGSIZE;
  const std::size_t step = segment == 0 ? std::max<std::size_t>(bytes.size(), 1) : segment;
  std::size_t begin = 0;
  do {
    send_one(bytes.substr(begin, step), {to_host, ntohs(to->sin_port), {}});
    begin += step;
  } while (begin < bytes.size());
  return static_cast<ssize_t>(bytes.size());
}

void datagram_socket::send_one(const std::string& bytes, const place& to) {
  if (host != to.host) note_bytes("datagram", bytes.data(), bytes.size());
  ++all_counts()[own_].sent;
  const bool far = host != to.host;
  if (far && happens(weather().lost_one_in)) return;
  for (unsigned left = far && happens(weather().doubled_one_in) ? 2 : 1; left > 0; --left) {
    nanos way = way_between(host, to.host);
    if (far && happens(weather().late_one_in)) way += draw_between(0, 300 * millisecond);
    at(now() + way, [bytes, to, from = own_] {
      if (is_cut(from.host, to.host)) return;
      if (const auto found = socket_at(to, from))
        return found->come_in({bytes, from, now() + 1'700'000'000 * second + host_at(to.host).wall_ahead});
      at(now() + way_between(to.host, from.host), [to, from] {
        const auto sender = socket_at(from, to);
        if (sender && !is_cut(to.host, from.host)) sender->refused(to);
      });
    });
  }
}

void datagram_socket::come_in(packet one) {
  const std::size_t takes = one.bytes.size() + overhead;
  if (waiting_bytes_ + takes > room_) {
    ++dropped_;
    return;
  }
  waiting_bytes_ += takes;
  waiting_.push_back(std::move(one));
  changed();
}

void datagram_socket::refused(const place& by) {
  if (!tells_errors_) return;
  error_ = ECONNREFUSED;
  if (reports_.size() < 64) reports_.push_back(by);
  changed();
}

ssize_t datagram_socket::receive(msghdr& into, int flags) {
  if (error_ != 0) return -std::exchange(error_, 0);
  if (waiting_.empty()) return -EAGAIN;
  const packet one = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= one.bytes.size() + overhead;
  ++all_counts()[own_].taken;
  const std::span<const iovec> pieces{into.msg_iov, into.msg_iovlen};
  const std::size_t part = std::min(size_of(pieces), one.bytes.size());
  scatter(pieces, one.bytes.data(), part);
  tell_place(into, one.from);
  into.msg_flags = part < one.bytes.size() ? MSG_TRUNC : 0;
  controls told(into);
  if (tells_time_)
    told.add(SOL_SOCKET, SCM_TIMESTAMPNS,
             timespec{static_cast<time_t>(one.when / second), static_cast<long>(one.when % second)});
  if (tells_drops_ && dropped_ > 0) told.add(SOL_SOCKET, SO_RXQ_OVFL, dropped_);
  if (tells_place_) {
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = info.ipi_addr.s_addr = htonl(address_of(own_.host));
    told.add(IPPROTO_IP, IP_PKTINFO, info);
  }
  return static_cast<ssize_t>((flags & MSG_TRUNC) != 0 ? one.bytes.size() : part);
}

ssize_t datagram_socket::take_report(msghdr& into) {
  if (reports_.empty()) return -EAGAIN;
  const place by = reports_.front();
  reports_.pop_front();
  tell_place(into, by);
  into.msg_flags = MSG_ERRQUEUE;
  struct {
    sock_extended_err error;
    sockaddr_in offender;
  } report{};
  report.error.ee_errno = ECONNREFUSED;
  report.error.ee_origin = SO_EE_ORIGIN_ICMP;
  report.error.ee_type = 3; // unreachable
  report.error.ee_code = 3; // the port
  report.offender = raw_of(by);
  controls told(into);
  told.add(IPPROTO_IP, IP_RECVERR, report);
  return 0;
}

} // namespace coppice::simulated
