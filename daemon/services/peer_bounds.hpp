// SPDX-License-Identifier: MIT
// How much the services keep for the processes of one other node: what a peer is trusted to ask for takes
// memory and time here, and it may ask without end.
#pragma once

#include <cstddef>

#include "runtime/messages/mailbox_bounds.hpp"

namespace coppice::services {

// Of those whom other nodes tell what everyone has to believe: none of it may be dropped.
inline constexpr runtime::mailbox_bounds endless_mailbox{16'000'000, 0, runtime::on_full::park_sender};

struct peer_bounds {
  std::size_t groups = 250'000;        // memberships in each scope of pg
  std::size_t names = 65'536;          // of `global`
  std::size_t locks = 1'024;           // of `global`, and as many questions that wait
  std::size_t subscriptions = 100'000; // to named events
};

} // namespace coppice::services
