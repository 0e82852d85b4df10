// SPDX-License-Identifier: MIT
// Reloads of plugins that a workload asks for. Each has to be answered once. The workload's thread.
// rooms: node
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "../cluster.hpp"

namespace coppice::simulated {

class reloads {
 public:
  // Reloads the plugin on that host, or does nothing, as the seed decides. Does nothing while an earlier
  // reload there has no answer.
  void maybe(cluster& all, unsigned host, std::string_view plugin);
  // Reloads it, unless the host is down or an earlier reload there has no answer.
  void now(cluster& all, unsigned host, std::string_view plugin);
  // The host was killed: its open reload will not be answered.
  void lost(unsigned host) { open_[host] = nullptr; }
  // Checks that every reload on hosts 1 to `hosts` was answered. If not, the run is broken.
  void check_answered(unsigned hosts) const;

 private:
  std::array<std::shared_ptr<bool>, most_hosts> open_; // true: answered. Null: no reload
};

} // namespace coppice::simulated
