// SPDX-License-Identifier: MIT
// Spawns on other nodes and requests over aliases, for the workload of global names. On each host a maker
// has processes of the actor kv:kv started on other nodes, linked and monitored in the same step, and an
// asker makes aliases, gives them to the mirror of some host, and takes them back. Invariants: a spawn is
// answered once. A link and a monitor that were asked for with it fire once. A process lives only if its
// maker knows it. Nothing comes to an alias that was taken back, no second answer to one for one answer, and
// to a monitor that is such an alias comes either its answer or the end.
// rooms: node
#pragma once

#include "../cluster.hpp"

namespace coppice::simulated {

// Records of one run. Never destroyed, because processes of a killed host never end.
class spawn_book;

spawn_book& make_spawn_book();
void add_spawns(spawn_book& book, cluster& all, unsigned host);
// The host was killed.
void lose_spawns(spawn_book& book, unsigned host);
// Checks what must hold a minute after the last fault. Clients begin nothing any more.
void check_spawns(spawn_book& book, cluster& all);

} // namespace coppice::simulated
