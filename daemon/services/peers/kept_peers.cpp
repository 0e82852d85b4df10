// SPDX-License-Identifier: MIT
// The nodes that this one stays connected to. Any thread.
#include "services/peers/kept_peers.hpp"

#include <algorithm>
#include <utility>

#include "behaviours/supervision/restart.hpp"

namespace coppice::services {

kept_peers::kept_peers(dist::router& router, std::string own, chance draw)
    : router_(router), own_(std::move(own)), draw_(std::move(draw)) {}

// The first wait is between the shortest wait and twice that.
void kept_peers::put_off(entry& one, base::nanos now) const {
  constexpr behaviours::backoff_options waits{.first = 2 * shortest_wait, .max = longest_wait, .jitter = 0.5};
  one.at = now + behaviours::backoff_wait(waits, one.waits++, draw_());
}

void kept_peers::change(const std::vector<std::string>& names) {
  {
    const std::lock_guard guard(lock_);
    std::erase_if(peers_, [&](const auto& one) {
      const bool stays = std::ranges::find(names, one.first) != names.end();
      if (!stays && one.second.node) router_.let_go(*one.second.node);
      return !stays;
    });
    for (const std::string& name : names) {
      if (name == own_) continue;
      entry& one = peers_[name];
      // At once, so that every list includes it.
      find_room(name, one);
      if (std::exchange(one.held, false) && one.node) router_.bar(*one.node, false);
      one.waits = 0;
      one.at = 0;
    }
  }
  wake();
}

void kept_peers::begin() {
  {
    const std::lock_guard guard(lock_);
    begun_ = true;
  }
  wake();
}

void kept_peers::wake_by(std::function<void()> wake) {
  const std::lock_guard guard(lock_);
  wake_ = std::move(wake);
}

void kept_peers::wake() const {
  std::function<void()> told;
  {
    const std::lock_guard guard(lock_);
    told = wake_;
  }
  if (told) told();
}

bool kept_peers::hold(std::string_view name) {
  {
    const std::lock_guard guard(lock_);
    const auto found = peers_.find(name);
    if (found == peers_.end()) return false;
    found->second.held = true;
    if (found->second.node) router_.bar(*found->second.node, true);
  }
  wake();
  return true;
}

void kept_peers::resume(std::string_view name) {
  {
    const std::lock_guard guard(lock_);
    const auto found = peers_.find(name);
    if (found == peers_.end()) return;
    entry& one = found->second;
    one.held = false;
    one.waits = 0;
    one.at = 0;
    if (one.node) router_.bar(*one.node, false);
  }
  wake();
}

// There may have been no room for its name before; then it was held although nothing could be barred.
void kept_peers::find_room(const std::string& name, entry& one) {
  if (one.node) return;
  one.node = router_.keep(name);
  if (one.node && one.held) router_.bar(*one.node, true);
}

bool kept_peers::is_connected(const entry& one) const {
  return one.node && router_.connected(*one.node);
}

bool kept_peers::all_tried() const {
  const std::lock_guard guard(lock_);
  return std::ranges::all_of(peers_, [this](const auto& one) {
    return one.second.tried || one.second.held || is_connected(one.second);
  });
}

std::vector<std::string> kept_peers::away() const {
  std::vector<std::string> out;
  const std::lock_guard guard(lock_);
  for (const auto& [name, one] : peers_)
    if (!is_connected(one)) out.push_back(name);
  return out;
}

kept_peers::plan kept_peers::look(base::nanos now) {
  plan out;
  const std::lock_guard guard(lock_);
  if (!begun_) return out;
  for (auto& [name, one] : peers_) {
    find_room(name, one);
    if (is_connected(one)) {
      one.up = one.tried = true;
      one.waits = 0;
      continue;
    }
    if (std::exchange(one.up, false)) put_off(one, now);
    if (one.held || one.under_way) continue;
    if (one.at <= now && !one.node) { // a try without room for its name has failed
      one.tried = true;
      put_off(one, now);
    }
    if (one.at <= now) {
      one.under_way = true;
      out.due.push_back({name, *one.node});
    } else {
      out.next_at = out.next_at ? std::min(*out.next_at, one.at) : one.at;
    }
  }
  return out;
}

void kept_peers::ended(std::string_view name, bool connected, base::nanos now) {
  const std::lock_guard guard(lock_);
  const auto found = peers_.find(name);
  if (found == peers_.end()) return;
  entry& one = found->second;
  one.under_way = false;
  one.tried = true;
  if (connected) {
    one.up = true;
    return;
  }
  put_off(one, now);
}

void kept_peers::abandon() {
  const std::lock_guard guard(lock_);
  for (auto& [name, one] : peers_) one.under_way = false;
}

} // namespace coppice::services
