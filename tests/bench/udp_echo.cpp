// SPDX-License-Identifier: MIT
// Both ends of net_udp_echo. `serve` is the floor: recvmmsg and sendmmsg in a loop of one thread; it prints
// "serving PORT" and serves until it is ended. `load PORT ECHOES SIZE` has 64 datagrams in flight and prints
// echoes a second; a lost datagram is sent again after 200 ms in which nothing came.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

constexpr unsigned at_once = 64;
constexpr std::size_t largest = 2048;

struct batch {
  std::array<std::array<char, largest>, at_once> bytes{};
  std::array<sockaddr_in, at_once> peers{};
  std::array<iovec, at_once> parts{};
  std::array<mmsghdr, at_once> messages{};

  void prepare(std::size_t size, bool with_peers) {
    for (unsigned i = 0; i < at_once; ++i) {
      parts[i] = {bytes[i].data(), size};
      msghdr& one = messages[i].msg_hdr;
      one = {};
      one.msg_iov = &parts[i];
      one.msg_iovlen = 1;
      if (!with_peers) continue;
      one.msg_name = &peers[i];
      one.msg_namelen = sizeof peers[i];
    }
  }
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}

int serve() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in here = loopback(0);
  socklen_t length = sizeof here;
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&here), length) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&here), &length) != 0)
    return std::perror("serve"), 1;
  std::printf("serving %d\n", ntohs(here.sin_port));
  std::fflush(stdout);
  static batch all;
  for (;;) {
    all.prepare(largest, true);
    const int got = recvmmsg(fd, all.messages.data(), at_once, MSG_WAITFORONE, nullptr);
    if (got <= 0) continue;
    for (int i = 0; i < got; ++i)
      all.parts[static_cast<unsigned>(i)].iov_len = all.messages[static_cast<unsigned>(i)].msg_len;
    sendmmsg(fd, all.messages.data(), static_cast<unsigned>(got), 0);
  }
}

int load(std::uint16_t port, std::uint64_t echoes, std::size_t size) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_in to = loopback(port);
  const timeval patience{0, 200'000};
  if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
    return std::perror("load"), 1;
  static batch all;
  all.prepare(size, false);
  const auto began = std::chrono::steady_clock::now();
  sendmmsg(fd, all.messages.data(), at_once, 0);
  unsigned silent = 0;
  for (std::uint64_t come = 0; come < echoes;) {
    const int got = recvmmsg(fd, all.messages.data(), at_once, MSG_WAITFORONE, nullptr);
    if (got <= 0 && ++silent > 50) return std::fprintf(stderr, "load: no answer\n"), 1;
    come += got > 0 ? static_cast<std::uint64_t>(got) : 0;
    sendmmsg(fd, all.messages.data(), got > 0 ? static_cast<unsigned>(got) : at_once, 0);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%f\n", static_cast<double>(echoes) / took.count());
  return 0;
}

} // namespace

int main(int count, char** words) {
  const std::string_view mode = count > 1 ? words[1] : "";
  if (mode == "serve" && count == 2) return serve();
  if (mode == "load" && count == 5) {
    const std::size_t size = std::strtoul(words[4], nullptr, 10);
    if (size >= 1 && size <= largest)
      return load(static_cast<std::uint16_t>(std::strtoul(words[2], nullptr, 10)),
                  std::strtoull(words[3], nullptr, 10), size);
  }
  std::fprintf(stderr, "usage: udp_echo serve | udp_echo load PORT ECHOES SIZE\n");
  return 2;
}
