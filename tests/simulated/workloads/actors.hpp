// SPDX-License-Identifier: MIT
// Actors of the workloads, written as the daemon's own servers are. A `load` on each host answers calls, at
// once, late or never, takes casts and makes processes that end after a while. Clients call, cast, link and
// monitor, what and whom the seed says, until the ledger is quiet.
#pragma once

#include <cstdint>

#include "cluster.hpp"

namespace coppice::simulated {

// What clients do; a run has some of them.
struct mixture {
  bool calls = true;
  bool casts = true;
  bool watches = true;
};

void add_load(cluster& to, unsigned host);
// Its number in the ledger.
std::uint64_t add_client(cluster& to, unsigned host, const mixture& does);

} // namespace coppice::simulated
