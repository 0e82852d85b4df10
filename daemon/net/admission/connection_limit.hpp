// SPDX-License-Identifier: MIT
// Bounds the connections of a listener, or of several that share the limit, and chooses which connection ends
// when a new one comes and all places are taken. While there is room, no connection is refused or ended. When
// there is none, the address with the most connections loses the one over which neither side has sent
// anything for longest, and only if that is long enough. So one address cannot keep the others out with
// silent connections, and no connection in use ends.
//
// Any thread: a listener and the connections it has accepted may live on different threads. Its lock is a
// leaf.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace coppice::base {
class socket_address;
}

namespace coppice::net {

// The key by which connections count as one client's: an IPv4 address, or an IPv6 /64 network, since a host
// has all of its /64.
std::string share_of(const base::socket_address& client);

class connection_limit {
 private:
  struct state;

 public:
  static constexpr std::chrono::milliseconds quiet_enough{10'000};

  // One connection, counted until it is destroyed. Times are milliseconds of uv_now().
  class connection {
   public:
    connection(std::shared_ptr<state> of, std::string share, std::uint64_t now);
    ~connection();
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    // One side has sent something. Any thread.
    void note_traffic(std::uint64_t now) { last_.store(now, std::memory_order_relaxed); }
    // From now on the connection counts as one of this client's.
    void count_with(std::string share);
    // Sets the function that ends the connection. It is called at most once, on any thread, possibly inside
    // make_room(). Empty: the connection cannot be ended. False: the connection has been told to end already.
    bool on_dismissal(std::function<void()> does);
    // Whether neither side has sent anything for as long as make_room() demands.
    bool is_quiet(std::uint64_t now) const;
    // Takes a dismissal back, because the connection turned out not to be quiet. It can be dismissed again,
    // by the function of a later on_dismissal().
    void stay(std::uint64_t now);

   private:
    friend class connection_limit;
    const std::shared_ptr<state> of_;
    std::string share_;
    std::size_t at_ = 0; // index in its share's vector
    std::function<void()> dismissed_;
    bool leaves_ = false; // make_room() has told it to end
    std::atomic<std::uint64_t> last_;
  };

  // `quiet`: how long neither side must have sent anything before a connection may be ended.
  explicit connection_limit(std::size_t most, std::chrono::milliseconds quiet = quiet_enough);

  std::shared_ptr<connection> enter(std::string share, std::uint64_t now);
  bool full() const;
  std::size_t taken() const;
  std::size_t most() const;
  // Takes effect for new connections; no existing connection ends because of it.
  void set_most(std::size_t most);
  // Tells one connection to end. False: none is quiet enough, or a search less than 100 ms ago found none.
  bool make_room(std::uint64_t now);

 private:
  std::shared_ptr<state> state_;
};

} // namespace coppice::net
