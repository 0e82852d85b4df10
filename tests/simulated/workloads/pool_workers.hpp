// SPDX-License-Identifier: MIT
// The workers of the pools of a host, and their factory. A worker of a pool in the hall answers at once or
// late, waits in a call, crashes, or does not start. A worker of the configuration's pool is a relay and asks
// the desk of its host. The baton's holder.
// rooms: node
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "../cluster.hpp"
#include "behaviours/pool/pool_policy.hpp"
#include "behaviours/supervision/order.hpp"
#include "behaviours/supervision/tree.hpp"
#include "pool_plan.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/messages/ids.hpp"

namespace coppice::simulated {

// The pools of one life of a host, besides that of its configuration. Never destroyed, since the processes of
// a killed host never end.
struct hall final : runtime::actor_factory {
  hall(const cluster& all, unsigned number) : of(all), host(number) {}
  // The actor's name is that of a pool.
  base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec& spec) override;

  const cluster& of;
  unsigned host;
  behaviours::supervision_tree tree;
  behaviours::pending_orders orders;
  bool complete = false; // every pool has started once
  struct process_of_pool {
    runtime::pid worker;
    runtime::pid above; // the supervisor of the pool's workers; null: not known
  };
  std::array<std::vector<process_of_pool>, pools_of_host> begun; // workers, some of which have ended
};

// Adds the supervisor with the pools to a host, and the desk.
void add_hall(cluster& to, hall& with);

} // namespace coppice::simulated
