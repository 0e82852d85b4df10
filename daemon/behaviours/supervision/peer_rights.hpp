// SPDX-License-Identifier: MIT
// The rights of other nodes over actors and supervisors here, by the keys of distribution.allow. All code
// that starts an actor for another node, or changes a supervisor's children for another node, asks here. Any
// thread.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::behaviours {

class peer_rights {
 public:
  // Allows nothing.
  peer_rights() = default;
  // `spawn`: actors as PLUGIN:ACTOR, or PLUGIN for the actor that has its plugin's name. `supervise`:
  // registered names of supervisors.
  peer_rights(const std::vector<std::string>& spawn, const std::vector<std::string>& supervise)
      : supervise_(supervise.begin(), supervise.end()) {
    for (const auto& name : spawn) spawn_.insert(whole(name));
  }

  bool may_spawn(std::string_view actor) const { return spawn_.contains(whole(actor)); }
  // Always false for a supervisor without a name.
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
