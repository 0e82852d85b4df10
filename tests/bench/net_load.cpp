// SPDX-License-Identifier: MIT
// The client of the net_… rows, the same for every server: one thread, plain system calls, loopback.
//
//   net_load echo PORT OPERATIONS CONNECTIONS SIZE
//     messages of SIZE bytes, one in flight on each connection
//   net_load connect PORT OPERATIONS PARALLEL
//     connections, each opened, answered 100 bytes and closed
//   net_load websocket PORT OPERATIONS CONNECTIONS SIZE
//     as `echo`, with WebSockets of /echo
//   net_load hold PORT CONNECTIONS [http|websocket]
//     connections, each with one echo, with GET /hello or as a WebSocket of /echo; they are kept until the
//     standard input ends
//
// The first three print operations a second, `hold` prints "holding". What comes back is compared with what
// was sent. Exits with 1 and a sentence if a server does not echo.
#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "load_socket.hpp"

namespace {

using namespace coppice::bench;
using steady = std::chrono::steady_clock;

constexpr std::size_t small_message = 100;

// The period is not a power of two, so that bytes at a wrong place are noticed.
std::vector<char> pattern(std::size_t size) {
  std::vector<char> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i % 251);
  return bytes;
}

// What a connection begins with, and what is then exchanged on it.
struct dialogue {
  std::string request{}; // request; answered with this status before the rest
  std::string status{};
  std::vector<char> sent{};
  std::vector<char> expected{};
};

dialogue echo(std::size_t size) {
  return {"", "", pattern(size), pattern(size)};
}

dialogue hello() {
  return {"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", "200", {}, {}};
}

// The first bytes of a WebSocket frame with a whole binary message (RFC 6455, 5.2).
std::vector<char> frame_head(std::size_t size, bool masked) {
  std::vector<char> head{'\x82', static_cast<char>(masked ? 0x80 : 0)};
  if (size < 126) {
    head[1] = static_cast<char>(head[1] | static_cast<char>(size));
  } else if (size < 65536) {
    head[1] = static_cast<char>(head[1] | 126);
    head.insert(head.end(), {static_cast<char>(size >> 8), static_cast<char>(size)});
  } else {
    std::fprintf(stderr, "net_load: a WebSocket's message has less than 64 KiB here\n");
    std::exit(2);
  }
  return head;
}

dialogue websocket(std::size_t size) {
  constexpr std::array<char, 4> mask{'\x12', '\x34', '\x56', '\x78'};
  dialogue out{
      "GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      "101", frame_head(size, true), frame_head(size, false)};
  const std::vector<char> message = pattern(size);
  out.expected.insert(out.expected.end(), message.begin(), message.end());
  out.sent.insert(out.sent.end(), mask.begin(), mask.end());
  for (std::size_t i = 0; i < size; ++i)
    out.sent.push_back(static_cast<char>(message[i] ^ mask[i % mask.size()]));
  return out;
}

int opened(std::uint16_t port, const dialogue& said) {
  const int fd = connected(port);
  if (!said.request.empty()) ask(fd, said.request, said.status);
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
  load(std::uint16_t port, std::uint64_t operations, std::size_t connections, dialogue said)
      : port_(port), left_(operations), unstarted_(operations), said_(std::move(said)), all_(connections) {
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
    one = {opened(port_, said_), 0, 0, false};
    epoll_event event{EPOLLIN, {.ptr = &one}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, one.fd, &event) != 0) fail("epoll_ctl");
  }

  void start(connection& one) {
    if (unstarted_ == 0) return;
    --unstarted_;
    one.unsent = said_.sent.size();
    one.unread = said_.expected.size();
    send(one);
  }

  void send(connection& one) {
    const char* from = said_.sent.data() + (said_.sent.size() - one.unsent);
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
    const char* expected = said_.expected.data() + (said_.expected.size() - one.unread);
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
  const dialogue said_;
  std::vector<connection> all_;
  std::vector<char> into_ = std::vector<char>(std::size_t{256} << 10);
  std::array<epoll_event, 256> events_{};
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
};

void hold(std::uint16_t port, std::size_t connections, const dialogue& said) {
  std::vector<char> into(said.expected.size());
  for (std::size_t i = 0; i < connections; ++i) {
    const int fd = opened(port, said); // until this program ends
    if (into.empty()) continue;
    send_all(fd, {said.sent.data(), said.sent.size()});
    if (::recv(fd, into.data(), into.size(), MSG_WAITALL) != static_cast<ssize_t>(into.size()) ||
        into != said.expected)
      fail("recv");
  }
  fmt::print("holding\n");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}

} // namespace

int main(int count, char** arguments) {
  const auto number = [&](int index) {
    return index < count ? std::strtoull(arguments[index], nullptr, 10) : 0;
  };
  const std::string_view mode = count > 1 ? arguments[1] : "";
  const std::string_view what = count > 4 ? arguments[4] : "";
  const auto port = static_cast<std::uint16_t>(number(2));
  raise_limit();
  if (mode == "echo" && count == 6) {
    fmt::print("{:.1f}\n", load(port, number(3), number(4), echo(number(5))).echoes());
  } else if (mode == "websocket" && count == 6) {
    fmt::print("{:.1f}\n", load(port, number(3), number(4), websocket(number(5))).echoes());
  } else if (mode == "connect" && count == 5) {
    fmt::print("{:.1f}\n", load(port, number(3), number(4), echo(small_message)).connections());
  } else if (mode == "hold" && count == 4) {
    hold(port, number(3), echo(small_message));
  } else if (mode == "hold" && count == 5 && what == "http") {
    hold(port, number(3), hello());
  } else if (mode == "hold" && count == 5 && what == "websocket") {
    hold(port, number(3), websocket(small_message));
  } else {
    fmt::print(stderr,
               "usage: net_load echo PORT OPERATIONS CONNECTIONS SIZE\n"
               "       net_load websocket PORT OPERATIONS CONNECTIONS SIZE\n"
               "       net_load connect PORT OPERATIONS PARALLEL\n"
               "       net_load hold PORT CONNECTIONS [http|websocket]\n");
    return 2;
  }
  return 0;
}
