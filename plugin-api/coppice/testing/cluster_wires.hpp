// SPDX-License-Identifier: MIT
// The network of a cluster under test (coppice/testing/cluster.hpp): each member reaches each other one by a
// TCP proxy of its own on 127.0.0.1, so that a test can cut any connection, and have what is sent arrive
// later in one direction.
//
// One thread of its own carries all bytes. What the test asks for is done by that thread before the function
// returns. Header-only.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <future>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <coppice/testing/cluster_programs.hpp>

namespace coppice::testing::detail {

/// 127.0.0.1 and a port, 0 for any.
inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

/// A socket that listens on any port of 127.0.0.1.
inline descriptor listen_on_loopback() {
  descriptor made(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr_in at = loopback(0);
  if (!made.is_open() || ::bind(made.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
      ::listen(made.get(), SOMAXCONN) != 0)
    fail_with_errno("nothing can listen on 127.0.0.1");
  return made;
}

/// The port on which a socket listens.
inline std::uint16_t port_of(const descriptor& socket) {
  sockaddr_in at{};
  socklen_t size = sizeof at;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0)
    fail_with_errno("a socket has no port");
  return ntohs(at.sin_port);
}

/// The proxies of `members` members, numbered from 0.
class wires {
 public:
  using clock = std::chrono::steady_clock;

  explicit wires(std::size_t members) : members_(members), pairs_(members * members), at_(members) {
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      if (i / members == i % members) continue;
      pairs_[i].listener = listen_on_loopback();
      pairs_[i].port = port_of(pairs_[i].listener);
    }
    std::tie(woken_, wakes_) = make_pipe();
    thread_ = std::thread([this] { carry(); });
  }
  wires(const wires&) = delete;
  wires& operator=(const wires&) = delete;
  ~wires() {
    do_within([this] { ends_ = true; });
    thread_.join();
  }

  /// The port to which `from` connects when it wants to reach `to`.
  std::uint16_t port(std::size_t from, std::size_t to) const { return pairs_.at(from * members_ + to).port; }
  /// From now on `to` listens on that port. 0: its port is not known yet, and what connects to it waits.
  void leads_to(std::size_t to, std::uint16_t port) {
    do_within([&] {
      at_.at(to) = port;
      if (port == 0) return;
      for (stream& each : streams_)
        if (each.to == to && !each.far.is_open()) dial(each);
    });
  }
  /// `to` does not run: what connects to it is refused.
  void leads_nowhere(std::size_t to) {
    do_within([&] {
      at_.at(to).reset();
      streams_.remove_if([&](const stream& each) { return each.to == to && !each.far.is_open(); });
    });
  }
  /// Breaks off each connection between two members for which `parted(one, other)` holds in either order;
  /// others are refused until heal(). Both sides hear of it. No byte passes between the first and the last.
  template <class Condition>
  void cut(Condition parted) {
    const auto either = [&](std::size_t one, std::size_t other) {
      return parted(one, other) || parted(other, one);
    };
    do_within([&] {
      for (std::size_t i = 0; i < pairs_.size(); ++i)
        if (either(i / members_, i % members_)) pairs_[i].cut = true;
      streams_.remove_if([&](const stream& each) { return either(each.from, each.to); });
    });
  }
  /// What goes from `from` to `to` arrives so much later, whichever of the two has connected.
  void delay(std::size_t from, std::size_t to, std::chrono::milliseconds by) {
    do_within([&] { pair(from, to).delay = by; });
  }
  /// Nothing is cut or delayed any more. What was on its way arrives now.
  void heal() {
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

 private:
  /// Bytes that arrive at that time.
  struct parcel {
    clock::time_point due;
    std::string bytes;
  };
  /// One direction of a connection.
  struct flow {
    std::deque<parcel> kept;
    std::size_t size = 0; ///< bytes that are kept
    bool ended = false;   ///< nothing more comes
  };
  struct stream {
    std::size_t from, to;
    descriptor near, far; ///< `far` is closed as long as the port of `to` is not known
    flow there = {}, back = {};
  };
  struct pair_of_members {
    descriptor listener;
    std::uint16_t port = 0;
    bool cut = false;
    std::chrono::milliseconds delay{0};
  };
  static constexpr std::size_t most_kept = 1U << 18U; // bytes; the sender waits then

  pair_of_members& pair(std::size_t from, std::size_t to) { return pairs_.at(from * members_ + to); }

  template <class Function>
  void do_within(Function what) {
    std::packaged_task<void()> wish(std::move(what));
    std::future<void> done = wish.get_future();
    {
      const std::lock_guard held(lock_);
      wishes_.push_back(std::move(wish));
    }
    const char any = 0;
    [[maybe_unused]] const auto ignored = ::write(wakes_.get(), &any, 1);
    done.get();
  }
  void fulfil() {
    std::deque<std::packaged_task<void()>> wishes;
    {
      const std::lock_guard held(lock_);
      wishes.swap(wishes_);
    }
    for (auto& each : wishes) each();
  }

  void carry() {
    for (;;) {
      std::vector<pollfd> watched{{woken_.get(), POLLIN, 0}};
      for (const pair_of_members& each : pairs_) watched.push_back({each.listener.get(), POLLIN, 0});
      std::optional<clock::time_point> next;
      for (const stream& each : streams_) {
        watched.push_back(
            {each.there.ended ? -1 : each.near.get(), events_of(each.there, each.back, next), 0});
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
  /// What to watch a socket for: it is read into `in`, and `out` is written to it. `next` becomes the time at
  /// which the next parcel is due.
  static short events_of(const flow& in, const flow& out, std::optional<clock::time_point>& next) {
    short events = in.size < most_kept ? POLLIN : 0;
    if (out.kept.empty()) return events;
    if (out.kept.front().due <= clock::now())
      events = static_cast<short>(events | POLLOUT);
    else if (!next || out.kept.front().due < *next)
      next = out.kept.front().due;
    return events;
  }
  static int patience_until(std::optional<clock::time_point> next) {
    if (!next) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - clock::now());
    return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 1000));
  }

  void accept(std::size_t of) {
    descriptor near(::accept4(pairs_[of].listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const std::size_t from = of / members_, to = of % members_;
    if (!near.is_open() || pairs_[of].cut || !at_[to]) return;
    send_at_once(near);
    streams_.push_back({from, to, std::move(near), descriptor()});
    if (*at_[to] != 0) dial(streams_.back());
  }
  /// A connection that fails is seen when it is read.
  void dial(stream& one) {
    one.far = descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const sockaddr_in at = loopback(*at_[one.to]);
    if (::connect(one.far.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 &&
        errno != EINPROGRESS)
      one.back.ended = true;
    send_at_once(one.far);
  }
  static void send_at_once(const descriptor& socket) {
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  static void read(const descriptor& from, flow& into, std::chrono::milliseconds delay) {
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
  static void forget(flow& what) {
    what.kept.clear();
    what.size = 0;
  }
  /// `other` is the direction that is read from the same socket: if that has ended, the peer is gone.
  static void write(const descriptor& to, flow& what, const flow& other) {
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

  std::size_t members_;
  std::vector<pair_of_members> pairs_;           // at from * members_ + to
  std::vector<std::optional<std::uint16_t>> at_; // ports of the members; 0: not known yet, none: refused
  std::list<stream> streams_;
  descriptor woken_, wakes_;
  std::mutex lock_;
  std::deque<std::packaged_task<void()>> wishes_; // guarded by lock_
  bool ends_ = false;
  std::thread thread_; // all members but the guarded ones are its own once it runs
};

} // namespace coppice::testing::detail
