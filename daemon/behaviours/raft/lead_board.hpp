// SPDX-License-Identifier: MIT
// The groups that this node's members lead, and in which term, for parts of the node that act only where a
// group has its leader. Members enter what they know of their leader; a watcher is told of each change. The
// board may be out of date by an election: a member that is cut off from the others counts itself as the
// leader until its election timeout. member::confirm_lead() asks a majority. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace coppice::behaviours::raft {

class lead_board {
 public:
  struct standing {
    bool is_known = false; // there is such a member here, and it knows a leader
    bool leads = false;    // that member is the leader
    std::uint64_t term = 0;
    bool operator==(const standing&) const = default;
  };

  // `changed` is called after each change, with the lock held, and must not wait or call this object. Empty:
  // nothing watches.
  void watch(std::function<void()> changed) {
    const std::scoped_lock held(lock_);
    changed_ = std::move(changed);
  }
  // `group`: the registered name of the member here.
  void enter(const std::string& group, standing now) {
    const std::scoped_lock held(lock_);
    const auto [one, is_new] = groups_.try_emplace(group);
    if (std::exchange(one->second, now) != now && changed_) changed_();
  }
  // The member has ended.
  void remove(const std::string& group) {
    const std::scoped_lock held(lock_);
    if (groups_.erase(group) != 0 && changed_) changed_();
  }
  standing of(std::string_view group) const {
    const std::scoped_lock held(lock_);
    const auto found = groups_.find(group);
    return found == groups_.end() ? standing() : found->second;
  }

 private:
  mutable std::mutex lock_;
  std::map<std::string, standing, std::less<>> groups_;
  std::function<void()> changed_;
};

} // namespace coppice::behaviours::raft
