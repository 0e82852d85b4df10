// SPDX-License-Identifier: MIT
// The network of a cluster under test (coppice/testing/cluster.hpp): each member reaches each other one by a
// TCP proxy of its own on 127.0.0.1, so that a test can cut any connection, and delay the bytes of one
// direction.
//
// One thread of its own carries all bytes. That thread carries out a request of the test before the function
// returns.
#pragma once

#include <netinet/in.h>
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
sockaddr_in loopback(std::uint16_t port);

/// A socket that listens on any port of 127.0.0.1.
descriptor listen_on_loopback();

/// The port on which a socket listens.
std::uint16_t port_of(const descriptor& socket);

/// The proxies of `members` members, numbered from 0.
class wires {
 public:
  using clock = std::chrono::steady_clock;

  explicit wires(std::size_t members);
  wires(const wires&) = delete;
  wires& operator=(const wires&) = delete;
  ~wires();

  /// The port to which `from` connects when it wants to reach `to`.
  std::uint16_t port(std::size_t from, std::size_t to) const { return pairs_.at(from * members_ + to).port; }
  /// From now on `to` listens on that port. 0: its port is not known yet, and what connects to it waits.
  void leads_to(std::size_t to, std::uint16_t port);
  /// `to` does not run: connections to it are refused.
  void leads_nowhere(std::size_t to);
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
  /// Bytes from `from` to `to` arrive so much later, whichever of the two has connected.
  void delay(std::size_t from, std::size_t to, std::chrono::milliseconds by);
  /// Nothing is cut or delayed any more. Bytes that were on their way arrive now.
  void heal();

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
  void fulfil();

  void carry();
  /// The events to watch a socket for: it is read into `in`, and `out` is written to it. `next` becomes the
  /// time at which the next parcel is due.
  static short events_of(const flow& in, const flow& out, std::optional<clock::time_point>& next);
  static int patience_until(std::optional<clock::time_point> next);

  void accept(std::size_t of);
  /// A connection that fails is seen when it is read.
  void dial(stream& one);
  static void send_at_once(const descriptor& socket);
  static void read(const descriptor& from, flow& into, std::chrono::milliseconds delay);
  static void forget(flow& what);
  /// `other` is the direction that is read from the same socket: if that has ended, the peer is gone.
  static void write(const descriptor& to, flow& what, const flow& other);

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
