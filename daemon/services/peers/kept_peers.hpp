// SPDX-License-Identifier: MIT
// The nodes that this one is to stay connected to (distribution.peers): which of them is to be tried when,
// and which an operator has disconnected. After a loss the first try comes in one to two seconds; each try
// that fails doubles both, up to fifteen to thirty, until the node is connected. Where in between is drawn
// each time, so that nodes that lost each other at one moment do not connect to each other in step. Decides
// only: peer_keeper carries it out. Any thread.
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
  // From 0 to 1, without 1. Called under a lock.
  using chance = std::function<double()>;

  // `own` is this node's name, which is passed over in every list. The router outlives this.
  kept_peers(dist::router& router, std::string own, chance draw = &base::random_share);

  // From now on these. Nobody is disconnected; holds end, and nodes that are away are tried at once.
  void change(const std::vector<std::string>& names);
  // The distribution listens: from now on nodes are to be tried.
  void begin();
  // Called, without a lock, when there is something for the process to do. It must not wait.
  void wake_by(std::function<void()> wake);

  // An operator disconnects it: neither side connects again until resume() or change(). False: it is not in
  // the list.
  bool hold(std::string_view name);
  void resume(std::string_view name);

  // Whether every node of the list is connected, or was tried, or is held.
  bool all_tried() const;
  std::vector<std::string> away() const; // sorted by name

  // For the process that connects.
  struct attempt {
    std::string name;
    std::uint32_t node = 0;
  };
  struct plan {
    std::vector<attempt> due;           // under way until ended() or abandon()
    std::optional<base::nanos> next_at; // monotonic: when something will be due; none: not before it is woken
  };
  plan look(base::nanos now);
  // How an attempt of look() ended, whatever became of the connection since.
  void ended(std::string_view name, bool connected, base::nanos now);
  // Those under way have nobody any more that would hear of their ends.
  void abandon();

 private:
  struct entry {
    std::optional<std::uint32_t> node; // none: there was no room for its name
    bool up = false;                   // connected, as of the last look
    bool tried = false;
    bool under_way = false;
    bool held = false;
    std::uint32_t waits = 0; // since it was connected: after a loss and after each failure
    base::nanos at = 0;      // monotonic: not tried before
  };
  void put_off(entry& one, base::nanos now) const;
  void wake() const;
  void find_room(const std::string& name, entry& one);
  bool is_connected(const entry& one) const;

  dist::router& router_;
  const std::string own_;
  const chance draw_;
  mutable std::mutex lock_; // guards what follows; a peer's lock may be taken under it
  std::map<std::string, entry, std::less<>> peers_;
  std::function<void()> wake_;
  bool begun_ = false;
};

} // namespace coppice::services
