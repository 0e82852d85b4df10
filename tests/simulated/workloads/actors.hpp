// SPDX-License-Identifier: MIT
// Actors of the workloads, written like the daemon's own servers. A `load` on each host answers calls at
// once, late or never, takes casts, and makes processes that end after a while. Clients call, cast, link and
// monitor as the seed chooses, until the ledger is quiet.
#pragma once

#include <cstdint>

#include "cluster.hpp"

namespace coppice::simulated {

// The actions of a run's clients.
struct mixture {
  bool calls = true;
  bool casts = true;
  bool watches = true;
};

void add_load(cluster& to, unsigned host);
// Returns the client's number in the ledger.
std::uint64_t add_client(cluster& to, unsigned host, const mixture& does);

} // namespace coppice::simulated
