// SPDX-License-Identifier: MIT
// The client of the net_… rows, the same for every server: one thread, plain system calls, loopback.
//
//   net_load echo PORT OPERATIONS CONNECTIONS SIZE   messages of SIZE bytes, one in flight on each connection
//   net_load connect PORT OPERATIONS PARALLEL        connections, each opened, answered 100 bytes and closed
//   net_load hold PORT CONNECTIONS                   opens them, each with one echo, and keeps them until its
//                                                    standard input ends
//
// The first two print operations a second, `hold` the word "holding". What comes back is compared with what
// was sent. Exits with 1 and a sentence where a server does anything but echo.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using steady = std::chrono::steady_clock;

constexpr std::size_t small_message = 100;

[[noreturn]] void fail(std::string_view what) {
  fmt::print(stderr, "net_load: {}: {}\n", what, std::strerror(errno));
  std::exit(1);
}

// A period that is no power of two, so that bytes of a wrong place are seen.
std::vector<char> pattern(std::size_t size) {
  std::vector<char> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i % 251);
  return bytes;
}

// From one of many loopback addresses, so that ports in TIME_WAIT never run out.
int connected(std::uint16_t port) {
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

struct connection {
  int fd = -1;
  std::size_t unsent = 0;
  std::size_t unread = 0;
  bool watches_room = false;
};

class load {
 public:
  load(std::uint16_t port, std::uint64_t operations, std::size_t connections, std::size_t size)
      : port_(port), left_(operations), unstarted_(operations), message_(pattern(size)), all_(connections) {
    if (epoll_ < 0) fail("epoll_create1");
  }

  double echoes() {
    for (connection& one : all_) open(one);
    return timed([this](connection& one) { start(one); }, [this](connection& one) { start(one); });
  }

  double connections() {
    const auto next = [this](connection& one) {
      open(one);
      start(one);
    };
    return timed(next, [this, next](connection& one) {
      ::close(one.fd);
      if (unstarted_ > 0) next(one);
    });
  }

 private:
  void open(connection& one) {
    one = {connected(port_), 0, 0, false};
    epoll_event event{EPOLLIN, {.ptr = &one}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, one.fd, &event) != 0) fail("epoll_ctl");
  }

  void start(connection& one) {
    if (unstarted_ == 0) return;
    --unstarted_;
    one.unsent = one.unread = message_.size();
    send(one);
  }

  void send(connection& one) {
    const char* from = message_.data() + (message_.size() - one.unsent);
    const ssize_t sent = ::send(one.fd, from, one.unsent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) fail("send");
    if (sent > 0) one.unsent -= static_cast<std::size_t>(sent);
    const bool needs_room = one.unsent != 0;
    if (needs_room == one.watches_room) return;
    one.watches_room = needs_room;
    epoll_event event{needs_room ? EPOLLIN | EPOLLOUT : EPOLLIN, {.ptr = &one}};
    if (epoll_ctl(epoll_, EPOLL_CTL_MOD, one.fd, &event) != 0) fail("epoll_ctl");
  }

  // True: the whole message has come back.
  bool receive(connection& one) {
    const ssize_t got = ::recv(one.fd, into_.data(), into_.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) fail(got == 0 ? "the server has closed a connection" : "recv");
    const auto count = static_cast<std::size_t>(got);
    const char* expected = message_.data() + (message_.size() - one.unread);
    if (count > one.unread || std::memcmp(into_.data(), expected, count) != 0)
      fail("what came back was not sent");
    one.unread -= count;
    return one.unread == 0;
  }

  template <class Begin, class Done>
  double timed(Begin begin, Done done) {
    const auto began = steady::now();
    for (connection& one : all_) {
      if (unstarted_ > 0) begin(one);
    }
    const std::uint64_t operations = left_;
    while (left_ > 0) {
      const int count = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), 60'000);
      if (count == 0) fail("the server has said nothing for a minute");
      for (int i = 0; i < count; ++i) {
        connection& one = *static_cast<connection*>(events_[static_cast<std::size_t>(i)].data.ptr);
        if (one.unsent != 0) send(one);
        if (one.unread == 0 || !receive(one)) continue;
        --left_;
        done(one);
      }
    }
    const std::chrono::duration<double> took = steady::now() - began;
    return static_cast<double>(operations) / took.count();
  }

  const std::uint16_t port_;
  std::uint64_t left_;
  std::uint64_t unstarted_;
  const std::vector<char> message_;
  std::vector<connection> all_;
  std::vector<char> into_ = std::vector<char>(std::size_t{256} << 10);
  std::array<epoll_event, 256> events_{};
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
};

void hold(std::uint16_t port, std::size_t connections) {
  const std::vector<char> message = pattern(small_message);
  std::vector<char> into(message.size());
  for (std::size_t i = 0; i < connections; ++i) {
    const int fd = connected(port); // until this program ends
    const auto size = static_cast<ssize_t>(message.size());
    if (::send(fd, message.data(), message.size(), MSG_NOSIGNAL) != size) fail("send");
    if (::recv(fd, into.data(), into.size(), MSG_WAITALL) != size || into != message) fail("recv");
  }
  fmt::print("holding\n");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}

void raise_limit() {
  rlimit both{};
  getrlimit(RLIMIT_NOFILE, &both);
  both.rlim_cur = both.rlim_max;
  setrlimit(RLIMIT_NOFILE, &both);
}

} // namespace

int main(int count, char** arguments) {
  const auto number = [&](int index) {
    return index < count ? std::strtoull(arguments[index], nullptr, 10) : 0;
  };
  const std::string_view mode = count > 1 ? arguments[1] : "";
  const auto port = static_cast<std::uint16_t>(number(2));
  raise_limit();
  if (mode == "echo" && count == 6) {
    fmt::print("{:.1f}\n", load(port, number(3), number(4), number(5)).echoes());
  } else if (mode == "connect" && count == 5) {
    fmt::print("{:.1f}\n", load(port, number(3), number(4), small_message).connections());
  } else if (mode == "hold" && count == 4) {
    hold(port, number(3));
  } else {
    fmt::print(stderr,
               "usage: net_load echo PORT OPERATIONS CONNECTIONS SIZE\n"
               "       net_load connect PORT OPERATIONS PARALLEL\n"
               "       net_load hold PORT CONNECTIONS\n");
    return 2;
  }
  return 0;
}
