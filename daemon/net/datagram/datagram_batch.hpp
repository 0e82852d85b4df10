// SPDX-License-Identifier: MIT
// Many datagrams in one system call: recvmmsg, sendmmsg and the control messages beside the bytes; those of
// one size to one peer leave in one piece that the kernel cuts, udp(7), UDP_SEGMENT. No state but the room
// for what is received. Private to the room; the loop's thread.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "net/datagram/datagram.hpp"

namespace coppice::net {

// Has the kernel tell what a received_batch reads. 0, or errno.
int ask_for_details(int fd, bool is_ipv6);

class received_batch {
 public:
  // `at_once` datagrams of at most `max_bytes` each.
  received_batch(std::size_t at_once, std::size_t max_bytes);
  received_batch(const received_batch&) = delete;
  received_batch& operator=(const received_batch&) = delete;

  // Those that wait, valid until the next call. Empty: none do, or number() is not 0.
  std::span<const datagram> receive(int fd, std::uint16_t local_port);
  // errno of the last receive(), 0 if it was fine or nothing waited.
  int number() const { return number_; }
  // How many the kernel has dropped because the receive buffer was full, as it said last; it begins anew
  // after 2^32.
  std::uint32_t kernel_drops() const { return kernel_drops_; }

 private:
  // An address, a time and a count, with their heads.
  struct alignas(cmsghdr) control {
    std::array<std::uint8_t, 128> bytes;
  };
  void prepare(std::size_t i);
  datagram take(std::size_t i, std::uint16_t local_port);

  std::size_t max_bytes_;
  std::unique_ptr<std::uint8_t[]> room_;
  std::vector<mmsghdr> messages_;
  std::vector<iovec> parts_;
  std::vector<sockaddr_storage> peers_;
  std::vector<control> controls_;
  std::vector<datagram> taken_;
  std::uint32_t kernel_drops_ = 0;
  int number_ = 0;
};

// The largest datagram that may leave this socket together with others; 0: each leaves by itself, as the
// kernel knows no UDP_SEGMENT.
std::size_t largest_segment(int fd);
// How many of the first ones leave in one piece, which the kernel cuts: those to the same peer, from the same
// address and of the same size, of no more than `segment` bytes; the last of them may be shorter. At least 1.
std::size_t in_one_piece(std::span<const outgoing_datagram> of, std::size_t segment);
// How many of the first ones the kernel took, or -errno of the first, or of those that are in one piece with
// it.
int send_batch(int fd, std::span<const outgoing_datagram> of, std::size_t segment);

// What waits in the socket's error queue; clears its pending error too.
std::vector<datagram_error> take_errors(int fd);

} // namespace coppice::net
