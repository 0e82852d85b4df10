// SPDX-License-Identifier: MIT
// Receives and sends many datagrams in one system call (recvmmsg, sendmmsg), with the control messages beside
// the bytes. Datagrams of one size to one peer leave as one piece that the kernel cuts (UDP_SEGMENT, udp(7)).
// Keeps no state but the buffers for what is received. Private to the room; the loop's thread.
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

// Makes the kernel attach what a received_batch reads: local address, time, drops, errors. 0, or errno.
int ask_for_details(int fd, bool is_ipv6);

class received_batch {
 public:
  // Room for `at_once` datagrams of at most `max_bytes` each.
  received_batch(std::size_t at_once, std::size_t max_bytes);
  received_batch(const received_batch&) = delete;
  received_batch& operator=(const received_batch&) = delete;

  // Takes the datagrams that wait; valid until the next call. Empty: none waits, or number() is not 0.
  std::span<const datagram> receive(int fd, std::uint16_t local_port);
  // errno of the last receive(); 0: it succeeded, or nothing waited.
  int number() const { return number_; }
  // How many datagrams the kernel had dropped because the receive buffer was full, as last reported. Wraps
  // around at 2^32.
  std::uint32_t kernel_drops() const { return kernel_drops_; }

 private:
  // Room for an address, a time and a count, with their headers.
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

// The largest datagram, in bytes, that may leave this socket in one piece with others. 0: each leaves by
// itself, because the kernel does not know UDP_SEGMENT.
std::size_t largest_segment(int fd);
// How many of the first datagrams leave in one piece that the kernel cuts: those to the same peer, from the
// same address and of the same size, at most `segment` bytes each. The last of them may be shorter. At least
// 1.
std::size_t in_one_piece(std::span<const outgoing_datagram> of, std::size_t segment);
// Sends the first datagrams. Returns how many the kernel took, or -errno of the first piece.
int send_batch(int fd, std::span<const outgoing_datagram> of, std::size_t segment);

// Takes all reports from the socket's error queue, at most 64, and clears its pending error.
std::vector<datagram_error> take_errors(int fd);

} // namespace coppice::net
