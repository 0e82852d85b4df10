// SPDX-License-Identifier: MIT
// The nodes that this one should stay connected to (distribution.peers): when each is to be tried, and which
// nodes an operator has disconnected. After a loss the first try comes after one to two seconds; each failed
// try doubles both bounds, up to fifteen and thirty seconds, until the node is connected. The wait is random
// within the bounds, so that two nodes that lost each other do not try in step. Only decides: peer_keeper
// connects. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "dist/router.hpp"

namespace coppice::services {

class kept_peers {
 public:
  static constexpr base::nanos shortest_wait = base::nanos_per_second;
  static constexpr base::nanos longest_wait = 30 * base::nanos_per_second;
  // A random number from 0 up to, not including, 1. Called under a lock.
  using chance = std::function<double()>;

  // `own`: this node's name, which is skipped in every list. The router must outlive this object.
  kept_peers(dist::router& router, std::string own, chance draw = &base::random_share);

  // Replaces the list. Disconnects no node; ends all holds and tries absent nodes at once.
  void change(const std::vector<std::string>& names);
  // The distribution listens: from now on nodes are tried.
  void begin();
  // `wake` is called, without a lock, when the process has something to do. It must not wait.
  void wake_by(std::function<void()> wake);

  // An operator disconnects the node: neither side connects again until resume() or change(). False: it is
  // not in the list.
  bool hold(std::string_view name);
  void resume(std::string_view name);

  // Whether every node of the list is connected, or was tried, or is held.
  bool all_tried() const;
  std::vector<std::string> away() const; // sorted by name

  // For the process that connects:
  struct attempt {
    std::string name;
    std::uint32_t node = 0;
  };
  struct plan {
    std::vector<attempt> due;           // under way until ended() or abandon()
    std::optional<base::nanos> next_at; // monotonic; empty: not before the process is woken
  };
  plan look(base::nanos now);
  // The result of an attempt of look(), whatever happened to the connection since.
  void ended(std::string_view name, bool connected, base::nanos now);
  // No process reports the results of the open attempts any more.
  void abandon();

 private:
  struct entry {
    std::optional<std::uint32_t> node; // empty: there was no room for its name
    bool up = false;                   // connected at the last look
    bool tried = false;
    bool under_way = false;
    bool held = false;
    std::uint32_t waits = 0; // number of waits since it was connected: after a loss and after each failure
    base::nanos at = 0;      // monotonic: not tried before this
  };
  void put_off(entry& one, base::nanos now) const;
  void wake() const;
  void find_room(const std::string& name, entry& one);
  bool is_connected(const entry& one) const;

  dist::router& router_;
  const std::string own_;
  const chance draw_;
  mutable std::mutex lock_; // guards the members below; a peer's lock may be taken while it is held
  std::map<std::string, entry, std::less<>> peers_;
  std::function<void()> wake_;
  bool begun_ = false;
};

} // namespace coppice::services
