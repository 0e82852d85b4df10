// SPDX-License-Identifier: MIT
// The bound on the connections of a listener, and which of them ends for a newcomer. While there is room
// nobody is refused and no connection ends. When all places are taken, the address with the most connections
// loses the one over which neither side has sent anything for longest, and only if that is long enough. So
// one address cannot keep the others out by connecting and saying nothing, and no connection that is in use
// ends.
//
// Any thread: a listener and the connections it has accepted may live on different ones. Its lock is a leaf.
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

// What the connections of one client have in common: an IPv4 address, or an IPv6 network (a host has all of
// its /64).
std::string share_of(const base::socket_address& client);

class connection_limit {
 private:
  struct state;

 public:
  static constexpr std::chrono::milliseconds quiet_enough{10'000};

  // One connection, which is counted until this is destroyed. Times are milliseconds as uv_now() has them.
  class connection {
   public:
    connection(std::shared_ptr<state> of, std::string share, std::uint64_t now);
    ~connection();
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    // One side has sent something.
    void note_traffic(std::uint64_t now) { last_.store(now, std::memory_order_relaxed); }
    // It is counted with the connections of this client from now on.
    void count_with(std::string share);
    // What ends it: called once at most, on any thread, which may be inside make_room(). Empty: nothing can.
    // False: it was to end already.
    bool on_dismissal(std::function<void()> does);
    // For as long as one that is dismissed.
    bool is_quiet(std::uint64_t now) const;
    // It was dismissed, and has turned out not to be quiet: it may be dismissed again, by another function.
    void stay(std::uint64_t now);

   private:
    friend class connection_limit;
    const std::shared_ptr<state> of_;
    std::string share_;
    std::size_t at_ = 0; // among those of its share
    std::function<void()> dismissed_;
    bool leaves_ = false; // it was dismissed
    std::atomic<std::uint64_t> last_;
  };

  // `quiet`: for how long neither side must have sent anything.
  explicit connection_limit(std::size_t most, std::chrono::milliseconds quiet = quiet_enough);

  std::shared_ptr<connection> enter(std::string share, std::uint64_t now);
  bool full() const;
  std::size_t taken() const;
  std::size_t most() const;
  // From now on; of the connections there are none ends for it.
  void set_most(std::size_t most);
  // One connection is told to end, for a newcomer. False: none is quiet enough.
  bool make_room(std::uint64_t now);

 private:
  std::shared_ptr<state> state_;
};

} // namespace coppice::net
