// SPDX-License-Identifier: MIT
// Bounds on what the services keep for the processes of one other node. A trusted peer's requests take memory
// and time here, and it may send any number of them.
#pragma once

#include <cstddef>

#include "runtime/messages/mailbox_bounds.hpp"

namespace coppice::services {

// Mailbox bounds of services that replicate state from other nodes (global, pg). Dropping a message would
// make the replicas differ.
inline constexpr runtime::mailbox_bounds endless_mailbox{16'000'000, 0, runtime::on_full::park_sender};

// The longest name of a group, a process or a lock that another node may choose, and the longest term beside
// it.
inline constexpr std::size_t longest_key = 16 * 1024; // bytes of a term

struct peer_bounds {
  std::size_t groups = 250'000;        // memberships in each scope of pg
  std::size_t names = 65'536;          // names of `global`
  std::size_t locks = 1'024;           // locks of `global`, and the same number of open questions
  std::size_t watches = 256;           // watches of each scope of pg and its groups
  std::size_t subscriptions = 100'000; // to named events
  // Bytes of group names in each scope, and of `global`'s names with their methods.
  std::size_t bytes = std::size_t{64} << 20;
};

} // namespace coppice::services
