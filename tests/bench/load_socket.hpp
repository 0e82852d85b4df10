// SPDX-License-Identifier: MIT
// Sockets for the clients that put load on servers: plain system calls on loopback. A failure ends the
// program.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace coppice::bench {

[[noreturn]] inline void fail(std::string_view what) {
  fmt::print(stderr, "{}: {}\n", what, std::strerror(errno));
  std::exit(1);
}

// Connects from one of many loopback addresses, so that ports in TIME_WAIT never run out.
inline int connected(std::uint16_t port) {
  static std::uint32_t last = 0;
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + last++ % 64);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) fail("bind");
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail("connect");
  return fd;
}

// Sends everything; blocks.
inline void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) fail("send");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Sends an HTTP request and reads its answer, which must have this status, and Content-Length if it has a
// body. Blocks. Nothing may follow the answer.
inline void ask(int fd, std::string_view request, std::string_view status) {
  send_all(fd, request);
  std::string answer;
  std::size_t head = std::string::npos;
  std::size_t body = 0;
  while (head == std::string::npos || answer.size() < head + body) {
    char into[4096];
    const ssize_t got = ::recv(fd, into, sizeof into, 0);
    if (got <= 0) fail("no answer came");
    answer.append(into, static_cast<std::size_t>(got));
    if (head != std::string::npos || (head = answer.find("\r\n\r\n")) == std::string::npos) continue;
    head += 4;
    for (char& c : answer)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    constexpr std::string_view length = "\r\ncontent-length: ";
    if (const std::size_t at = answer.find(length); at < head)
      std::from_chars(answer.data() + at + length.size(), answer.data() + head, body);
  }
  if (std::string_view(answer).substr(9, 3) != status) fail("the answer has another status");
}

// Raises the limit of descriptors as far as allowed.
inline void raise_limit() {
  rlimit both{};
  getrlimit(RLIMIT_NOFILE, &both);
  both.rlim_cur = both.rlim_max;
  setrlimit(RLIMIT_NOFILE, &both);
}

} // namespace coppice::bench
