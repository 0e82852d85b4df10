// SPDX-License-Identifier: MIT
// What other nodes may do with actors and supervisors here, by the keys of distribution.allow. Whatever
// starts an actor for another node, or changes a supervisor's children for one, asks here. Any thread.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::behaviours {

class peer_rights {
 public:
  // Nothing at all.
  peer_rights() = default;
  // `spawn`: actors, PLUGIN:ACTOR, or PLUGIN for the one that is called as its plugin. `supervise`:
  // registered names of supervisors.
  peer_rights(const std::vector<std::string>& spawn, const std::vector<std::string>& supervise)
      : supervise_(supervise.begin(), supervise.end()) {
    for (const auto& name : spawn) spawn_.insert(whole(name));
  }

  bool may_spawn(std::string_view actor) const { return spawn_.contains(whole(actor)); }
  // Those without a name: none.
  bool may_supervise(std::string_view name) const { return supervise_.contains(name); }

 private:
  static std::string whole(std::string_view name) {
    std::string out(name);
    return name.find(':') == name.npos ? out + ":" + out : out;
  }

  std::set<std::string> spawn_;
  std::set<std::string, std::less<>> supervise_;
};

} // namespace coppice::behaviours
