// SPDX-License-Identifier: MIT
// The client of net_sse_fanout_1000: one thread reads the server-sent events of /events on many connections,
// and asks for the next event by GET /publish once every connection has the last one.
//
//   events_load PORT EVENTS CONNECTIONS
//
// An event's data is "~", which occurs nowhere else in a stream. Prints the events received a second, by all
// connections.
#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "load_socket.hpp"

namespace {

using namespace coppice::bench;

constexpr std::string_view wanted =
    "GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
constexpr std::string_view next = "GET /publish HTTP/1.1\r\nHost: localhost\r\n\r\n";

class listeners {
 public:
  listeners(std::uint16_t port, std::size_t count) : count_(count), publisher_(connected(port)) {
    if (epoll_ < 0) fail("epoll_create1");
    for (std::size_t i = 0; i < count; ++i) {
      const int fd = connected(port);
      send_all(fd, wanted);
      epoll_event event{EPOLLIN, {.fd = fd}};
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
    }
    // All connections are open once one event has reached all of them; before that some may miss it.
    for (std::size_t heard = 0; heard != count;) {
      publish();
      heard = read(1000);
    }
    while (read(200) != 0) {
    }
  }

  double rate(std::uint64_t events) {
    const auto began = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < events; ++i) {
      publish();
      if (read(60'000) != count_) fail("an event did not reach all");
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    return static_cast<double>(events * count_) / took.count();
  }

 private:
  void publish() { ask(publisher_, next, "200"); }

  // Reads until each connection has an event, or nothing comes for `patience` ms; returns the number of
  // events.
  std::size_t read(int patience) {
    std::size_t heard = 0;
    while (heard < count_) {
      const int ready = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), patience);
      if (ready <= 0) break;
      for (int i = 0; i < ready; ++i) {
        const ssize_t got =
            ::recv(events_[static_cast<std::size_t>(i)].data.fd, into_.data(), into_.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) continue;
        if (got <= 0) fail("the server has closed a stream");
        heard += static_cast<std::size_t>(std::count(into_.begin(), into_.begin() + got, '~'));
      }
    }
    return heard;
  }

  const std::size_t count_;
  const int publisher_;
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::array<epoll_event, 256> events_{};
  std::array<char, 65536> into_{};
};

} // namespace

int main(int count, char** arguments) {
  if (count != 4) {
    fmt::print(stderr, "usage: events_load PORT EVENTS CONNECTIONS\n");
    return 2;
  }
  const auto number = [&](int index) { return std::strtoull(arguments[index], nullptr, 10); };
  raise_limit();
  fmt::print("{:.1f}\n", listeners(static_cast<std::uint16_t>(number(1)), number(3)).rate(number(2)));
  return 0;
}
