// SPDX-License-Identifier: MIT
// The actors other nodes may have spawned: PLUGIN:ACTOR, or PLUGIN for the actor that is called as its
// plugin. Any thread.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::services {

class allowed_actors {
 public:
  explicit allowed_actors(const std::vector<std::string>& names) {
    for (const auto& name : names) names_.insert(whole(name));
  }
  bool contains(std::string_view actor) const { return names_.contains(whole(actor)); }

 private:
  static std::string whole(std::string_view name) {
    std::string out(name);
    return name.find(':') == name.npos ? out + ":" + out : out;
  }

  std::set<std::string> names_;
};

} // namespace coppice::services
