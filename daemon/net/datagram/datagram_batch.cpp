// SPDX-License-Identifier: MIT
// The control messages are described in ip(7), ipv6(7) and socket(7). The loop's thread.
#include "net/datagram/datagram_batch.hpp"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <numeric>

namespace coppice::net {
namespace {

constexpr std::size_t sends_at_once = 64;     // as many as the kernel cuts out of one piece
constexpr std::size_t largest_piece = 64'000; // bytes; less than an IP packet holds
constexpr std::size_t errors_at_once = 64;

template <class Value>
Value content_of(const cmsghdr& of) {
  Value out{};
  std::memcpy(&out, CMSG_DATA(&of), sizeof out);
  return out;
}

bool is(const cmsghdr& of, int level, int type) {
  return of.cmsg_level == level && of.cmsg_type == type;
}

base::socket_address address_of(const in_addr& host, std::uint16_t port) {
  sockaddr_in raw{};
  raw.sin_family = AF_INET;
  raw.sin_port = htons(port);
  raw.sin_addr = host;
  return *base::socket_address::from_raw(reinterpret_cast<const sockaddr*>(&raw), sizeof raw);
}

base::socket_address address_of(const in6_addr& host, std::uint16_t port, unsigned interface) {
  sockaddr_in6 raw{};
  raw.sin6_family = AF_INET6;
  raw.sin6_port = htons(port);
  raw.sin6_addr = host;
  if (IN6_IS_ADDR_LINKLOCAL(&host)) raw.sin6_scope_id = interface;
  return *base::socket_address::from_raw(reinterpret_cast<const sockaddr*>(&raw), sizeof raw);
}

// Room for the address that a datagram leaves from, and for the size at which a piece is cut.
struct alignas(cmsghdr) sending_control {
  std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(std::uint16_t))> bytes;
};

template <class Info>
void add_control(msghdr& into, sending_control& room, int level, int type, const Info& info) {
  if (into.msg_controllen == 0) room.bytes.fill(0);
  into.msg_control = room.bytes.data();
  auto* const head = reinterpret_cast<cmsghdr*>(room.bytes.data() + into.msg_controllen);
  into.msg_controllen += CMSG_SPACE(sizeof info);
  head->cmsg_level = level;
  head->cmsg_type = type;
  head->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(head), &info, sizeof info);
}

void leave_from(msghdr& into, sending_control& room, const base::socket_address& from) {
  if (from.is_any()) return;
  if (from.is_ipv6()) {
    const auto& raw = *reinterpret_cast<const sockaddr_in6*>(from.raw());
    in6_pktinfo info{};
    info.ipi6_addr = raw.sin6_addr;
    info.ipi6_ifindex = raw.sin6_scope_id;
    return add_control(into, room, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  in_pktinfo info{};
  info.ipi_spec_dst = reinterpret_cast<const sockaddr_in*>(from.raw())->sin_addr;
  add_control(into, room, IPPROTO_IP, IP_PKTINFO, info);
}

int set(int fd, int level, int which, int value) {
  return setsockopt(fd, level, which, &value, sizeof value) == 0 ? 0 : errno;
}

} // namespace

int ask_for_details(int fd, bool is_ipv6) {
  const int level = is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
  for (const int failed : {set(fd, level, is_ipv6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1),
                           set(fd, level, is_ipv6 ? IPV6_RECVERR : IP_RECVERR, 1),
                           set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1), set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1)}) {
    if (failed != 0) return failed;
  }
  return 0;
}

received_batch::received_batch(std::size_t at_once, std::size_t max_bytes)
    : max_bytes_(max_bytes),
      room_(std::make_unique_for_overwrite<std::uint8_t[]>(at_once * max_bytes)),
      messages_(at_once),
      parts_(at_once),
      peers_(at_once),
      controls_(at_once) {
  taken_.reserve(at_once);
  for (std::size_t i = 0; i < at_once; ++i) prepare(i);
}

void received_batch::prepare(std::size_t i) {
  parts_[i] = {room_.get() + i * max_bytes_, max_bytes_};
  msghdr& head = messages_[i].msg_hdr;
  head.msg_name = &peers_[i];
  head.msg_namelen = sizeof peers_[i];
  head.msg_iov = &parts_[i];
  head.msg_iovlen = 1;
  head.msg_control = controls_[i].bytes.data();
  head.msg_controllen = controls_[i].bytes.size();
  head.msg_flags = 0;
}

std::span<const datagram> received_batch::receive(int fd, std::uint16_t local_port) {
  // Prepares the entries that the last call filled.
  for (std::size_t i = 0; i < taken_.size(); ++i) prepare(i);
  taken_.clear();
  number_ = 0;
  // MSG_TRUNC makes the kernel return the whole length of a truncated datagram.
  const int count = recvmmsg(fd, messages_.data(), static_cast<unsigned>(messages_.size()),
                             MSG_DONTWAIT | MSG_TRUNC, nullptr);
  if (count < 0) {
    if (errno != EAGAIN && errno != EINTR) number_ = errno;
    return {};
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) taken_.push_back(take(i, local_port));
  return taken_;
}

datagram received_batch::take(std::size_t i, std::uint16_t local_port) {
  msghdr& head = messages_[i].msg_hdr;
  datagram out;
  out.whole = messages_[i].msg_len;
  out.bytes = {room_.get() + i * max_bytes_, std::min<std::size_t>(out.whole, max_bytes_)};
  if (const auto peer =
          base::socket_address::from_raw(reinterpret_cast<const sockaddr*>(&peers_[i]), head.msg_namelen)) {
    out.peer = *peer;
  }
  for (cmsghdr* each = CMSG_FIRSTHDR(&head); each != nullptr; each = CMSG_NXTHDR(&head, each)) {
    if (is(*each, IPPROTO_IP, IP_PKTINFO)) {
      out.local = address_of(content_of<in_pktinfo>(*each).ipi_spec_dst, local_port);
    } else if (is(*each, IPPROTO_IPV6, IPV6_PKTINFO)) {
      const auto info = content_of<in6_pktinfo>(*each);
      if (!IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
        out.local = address_of(info.ipi6_addr, local_port, info.ipi6_ifindex);
    } else if (is(*each, SOL_SOCKET, SCM_TIMESTAMPNS)) {
      const auto time = content_of<timespec>(*each);
      out.when = time.tv_sec * base::nanos_per_second + time.tv_nsec;
    } else if (is(*each, SOL_SOCKET, SO_RXQ_OVFL)) {
      kernel_drops_ = content_of<std::uint32_t>(*each);
    }
  }
  return out;
}

std::size_t largest_segment(int fd) {
  int now = 0;
  socklen_t length = sizeof now;
  // An older kernel would ignore UDP_SEGMENT and send the piece as one datagram.
  return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &now, &length) == 0 ? largest_datagram : 0;
}

std::size_t in_one_piece(std::span<const outgoing_datagram> of, std::size_t segment) {
  const outgoing_datagram& first = of.front();
  const std::size_t size = first.bytes.size();
  if (size == 0 || size > segment) return 1;
  std::size_t whole = size;
  std::size_t count = 1;
  for (bool shorter = false; !shorter && count < std::min(of.size(), sends_at_once); ++count) {
    const outgoing_datagram& next = of[count];
    whole += next.bytes.size();
    if (next.bytes.empty() || next.bytes.size() > size || whole > largest_piece) break;
    if (next.peer != first.peer || next.from != first.from) break;
    shorter = next.bytes.size() < size;
  }
  return count;
}

int send_batch(int fd, std::span<const outgoing_datagram> of, std::size_t segment) {
  std::array<mmsghdr, sends_at_once> messages{};
  std::array<iovec, sends_at_once> parts;
  std::array<sending_control, sends_at_once> controls;
  std::array<std::size_t, sends_at_once> pieces;
  const std::size_t count = std::min(of.size(), sends_at_once);
  std::size_t ready = 0; // messages
  for (std::size_t at = 0; at < count; at += pieces[ready++]) {
    const std::size_t together = in_one_piece(of.subspan(at, count - at), segment);
    for (std::size_t i = at; i < at + together; ++i)
      parts[i] = {const_cast<std::uint8_t*>(of[i].bytes.data()), of[i].bytes.size()};
    const outgoing_datagram& first = of[at];
    msghdr& head = messages[ready].msg_hdr;
    head.msg_name = const_cast<sockaddr*>(first.peer.raw());
    head.msg_namelen = first.peer.raw_length();
    head.msg_iov = &parts[at];
    head.msg_iovlen = together;
    if (first.from) leave_from(head, controls[ready], *first.from);
    if (together > 1)
      add_control(head, controls[ready], IPPROTO_UDP, UDP_SEGMENT,
                  static_cast<std::uint16_t>(first.bytes.size()));
    pieces[ready] = together;
  }
  const int sent = sendmmsg(fd, messages.data(), static_cast<unsigned>(ready), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return -errno;
  return static_cast<int>(std::accumulate(pieces.begin(), pieces.begin() + sent, std::size_t{0}));
}

std::vector<datagram_error> take_errors(int fd) {
  std::vector<datagram_error> out;
  for (;;) {
    sockaddr_storage peer{};
    struct alignas(cmsghdr) {
      std::array<std::uint8_t, 512> bytes;
    } room;
    msghdr head{};
    head.msg_name = &peer;
    head.msg_namelen = sizeof peer;
    head.msg_control = room.bytes.data();
    head.msg_controllen = room.bytes.size();
    if (recvmsg(fd, &head, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
    for (cmsghdr* each = CMSG_FIRSTHDR(&head); each != nullptr; each = CMSG_NXTHDR(&head, each)) {
      if (!is(*each, IPPROTO_IP, IP_RECVERR) && !is(*each, IPPROTO_IPV6, IPV6_RECVERR)) continue;
      datagram_error error;
      const auto said = content_of<sock_extended_err>(*each);
      if (said.ee_origin == SO_EE_ORIGIN_LOCAL) continue; // send() returned it
      error.number = static_cast<int>(said.ee_errno);
      if (const auto to =
              base::socket_address::from_raw(reinterpret_cast<const sockaddr*>(&peer), head.msg_namelen)) {
        error.peer = *to;
      }
      if (out.size() < errors_at_once) out.push_back(error);
    }
  }
  int pending = 0;
  socklen_t length = sizeof pending;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &length);
  return out;
}

} // namespace coppice::net
