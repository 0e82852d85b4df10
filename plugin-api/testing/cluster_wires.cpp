// SPDX-License-Identifier: MIT
// The proxies between the nodes of a cluster under test. Each wire has a thread of its own.
#include <coppice/testing/cluster_wires.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <thread>
#include <utility>

namespace coppice::testing::detail {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

descriptor listen_on_loopback() {
  descriptor made(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr_in at = loopback(0);
  if (!made.is_open() || ::bind(made.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
      ::listen(made.get(), SOMAXCONN) != 0)
    fail_with_errno("nothing can listen on 127.0.0.1");
  return made;
}

std::uint16_t port_of(const descriptor& socket) {
  sockaddr_in at{};
  socklen_t size = sizeof at;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0)
    fail_with_errno("a socket has no port");
  return ntohs(at.sin_port);
}

wires::wires(std::size_t members) : members_(members), pairs_(members * members), at_(members) {
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    if (i / members == i % members) continue;
    pairs_[i].listener = listen_on_loopback();
    pairs_[i].port = port_of(pairs_[i].listener);
  }
  std::tie(woken_, wakes_) = make_pipe();
  thread_ = std::thread([this] { carry(); });
}

wires::~wires() {
  do_within([this] { ends_ = true; });
  thread_.join();
}

void wires::leads_to(std::size_t to, std::uint16_t port) {
  do_within([&] {
    at_.at(to) = port;
    if (port == 0) return;
    for (stream& each : streams_)
      if (each.to == to && !each.far.is_open()) dial(each);
  });
}

void wires::leads_nowhere(std::size_t to) {
  do_within([&] {
    at_.at(to).reset();
    streams_.remove_if([&](const stream& each) { return each.to == to && !each.far.is_open(); });
  });
}

void wires::delay(std::size_t from, std::size_t to, std::chrono::milliseconds by) {
  do_within([&] { pair(from, to).delay = by; });
}

void wires::heal() {
  do_within([&] {
    for (pair_of_members& each : pairs_) {
      each.cut = false;
      each.delay = {};
    }
    for (stream& each : streams_)
      for (flow* one : {&each.there, &each.back})
        for (parcel& waiting : one->kept) waiting.due = {};
  });
}

void wires::fulfil() {
  std::deque<std::packaged_task<void()>> wishes;
  {
    const std::lock_guard held(lock_);
    wishes.swap(wishes_);
  }
  for (auto& each : wishes) each();
}

void wires::carry() {
  for (;;) {
    std::vector<pollfd> watched{{woken_.get(), POLLIN, 0}};
    for (const pair_of_members& each : pairs_) watched.push_back({each.listener.get(), POLLIN, 0});
    std::optional<clock::time_point> next;
    for (const stream& each : streams_) {
      watched.push_back({each.there.ended ? -1 : each.near.get(), events_of(each.there, each.back, next), 0});
      watched.push_back({each.back.ended ? -1 : each.far.get(), events_of(each.back, each.there, next), 0});
    }
    ::poll(watched.data(), watched.size(), patience_until(next));

    auto seen = watched.begin() + 1 + static_cast<std::ptrdiff_t>(pairs_.size());
    for (stream& each : streams_) {
      const bool comes_near = (seen++)->revents != 0;
      const bool comes_far = (seen++)->revents != 0;
      if (comes_near) read(each.near, each.there, pair(each.from, each.to).delay);
      if (comes_far) read(each.far, each.back, pair(each.to, each.from).delay);
      write(each.far, each.there, each.back);
      write(each.near, each.back, each.there);
    }
    streams_.remove_if([](const stream& each) {
      return (each.there.ended && each.there.kept.empty()) || (each.back.ended && each.back.kept.empty());
    });
    for (std::size_t i = 0; i < pairs_.size(); ++i)
      if (watched[i + 1].revents != 0) accept(i);
    if (watched[0].revents != 0) {
      char any = 0;
      [[maybe_unused]] const auto ignored = ::read(woken_.get(), &any, 1);
    }
    fulfil();
    if (ends_) return;
  }
}

short wires::events_of(const flow& in, const flow& out, std::optional<clock::time_point>& next) {
  short events = in.size < most_kept ? POLLIN : 0;
  if (out.kept.empty()) return events;
  if (out.kept.front().due <= clock::now())
    events = static_cast<short>(events | POLLOUT);
  else if (!next || out.kept.front().due < *next)
    next = out.kept.front().due;
  return events;
}

int wires::patience_until(std::optional<clock::time_point> next) {
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - clock::now());
  return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 1000));
}

void wires::accept(std::size_t of) {
  descriptor near(::accept4(pairs_[of].listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  const std::size_t from = of / members_, to = of % members_;
  if (!near.is_open() || pairs_[of].cut || !at_[to]) return;
  send_at_once(near);
  streams_.push_back({from, to, std::move(near), descriptor()});
  if (*at_[to] != 0) dial(streams_.back());
}

void wires::dial(stream& one) {
  one.far = descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr_in at = loopback(*at_[one.to]);
  if (::connect(one.far.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 &&
      errno != EINPROGRESS)
    one.back.ended = true;
  send_at_once(one.far);
}

void wires::send_at_once(const descriptor& socket) {
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void wires::read(const descriptor& from, flow& into, std::chrono::milliseconds delay) {
  if (into.ended || !from.is_open()) return;
  std::string part(1U << 16U, '\0');
  const ssize_t got = ::recv(from.get(), part.data(), part.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  into.ended = got <= 0;
  if (got <= 0) return;
  part.resize(static_cast<std::size_t>(got));
  const clock::time_point due = clock::now() + delay;
  into.size += part.size();
  into.kept.push_back({into.kept.empty() ? due : std::max(due, into.kept.back().due), std::move(part)});
}

void wires::forget(flow& what) {
  what.kept.clear();
  what.size = 0;
}

void wires::write(const descriptor& to, flow& what, const flow& other) {
  if (other.ended) forget(what);
  while (to.is_open() && !what.kept.empty() && what.kept.front().due <= clock::now()) {
    std::string& bytes = what.kept.front().bytes;
    const ssize_t sent = ::send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent < 0) {
      what.ended = true;
      return forget(what);
    }
    what.size -= static_cast<std::size_t>(sent);
    bytes.erase(0, static_cast<std::size_t>(sent));
    if (bytes.empty()) what.kept.pop_front();
  }
}

} // namespace coppice::testing::detail
