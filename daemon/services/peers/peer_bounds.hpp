// SPDX-License-Identifier: MIT
// How much the services keep for the processes of one other node: what a peer is trusted to ask for takes
// memory and time here, and it may ask without end.
#pragma once

#include <cstddef>

#include "runtime/messages/mailbox_bounds.hpp"

namespace coppice::services {

// Of those whom other nodes tell what everyone has to believe: none of it may be dropped.
inline constexpr runtime::mailbox_bounds endless_mailbox{16'000'000, 0, runtime::on_full::park_sender};

// The longest name of a group, of a process or of a lock that another node may choose, and what it may say
// beside it.
inline constexpr std::size_t longest_key = 16 * 1024; // bytes of a term

struct peer_bounds {
  std::size_t groups = 250'000;        // memberships in each scope of pg
  std::size_t names = 65'536;          // of `global`
  std::size_t locks = 1'024;           // of `global`, and as many questions that wait
  std::size_t watches = 256;           // of each scope of pg and its groups
  std::size_t subscriptions = 100'000; // to named events
  // Bytes of the names of groups, in each scope, and of `global`, with the methods of the latter.
  std::size_t bytes = std::size_t{64} << 20;
};

} // namespace coppice::services
