// SPDX-License-Identifier: MIT
// Reloads of plugins that a workload asks for, of which each has to be answered once. The workload's thread.
// rooms: node
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "../cluster.hpp"

namespace coppice::simulated {

class reloads {
 public:
  // Reloads the plugin on that host, or not, as the seed decides. Not while an earlier one has no answer
  // there.
  void maybe(cluster& all, unsigned host, std::string_view plugin);
  // The host was killed: nobody answers there any more.
  void lost(unsigned host) { open_[host] = nullptr; }
  // Every one has been answered on hosts 1 to `hosts`. Else the run is broken.
  void check_answered(unsigned hosts) const;

 private:
  std::array<std::shared_ptr<bool>, most_hosts> open_; // whether it is answered; null: there is none
};

} // namespace coppice::simulated
