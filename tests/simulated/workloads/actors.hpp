// SPDX-License-Identifier: MIT
// Actors of the workloads, written like the daemon's own servers. A `load` on each host answers calls at
// once, late or never, takes casts, and makes processes that end after a while. Clients call, cast, link and
// monitor as the seed chooses, until the ledger is quiet.
// rooms: node
#pragma once

#include <cstdint>

#include "cluster.hpp"
#include "runtime/messages/mailbox_bounds.hpp"

namespace coppice::simulated {

// The actions of a run's clients.
struct mixture {
  bool calls = true;
  bool casts = true;
  bool watches = true; // links, monitors, and children that are started under a name
};

void add_load(cluster& to, unsigned host, const runtime::mailbox_bounds& mailbox = {});
// Returns the client's number in the ledger.
std::uint64_t add_client(cluster& to, unsigned host, const mixture& does);

} // namespace coppice::simulated
