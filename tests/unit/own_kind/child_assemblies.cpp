// SPDX-License-Identifier: MIT
// rooms: node
// The list, a line for each kind. It is all that this file has, so that a test program can have a longer one.
#include "node/assembly/child_assembly.hpp"

#include <array>

#include "node/assembly/consumer_child.hpp"
#include "node/assembly/event_manager_child.hpp"
#include "node/assembly/pool_child.hpp"
#include "node/assembly/raft_child.hpp"
#include "node/assembly/router_child.hpp"
#include "node/assembly/saga_child.hpp"
#include "node/assembly/stage_term.hpp"
#include "node/assembly/statem_child.hpp"
#include "node/assembly/stream_child.hpp"
#include "node/assembly/udp_child.hpp"
#include "own_kind/tally.hpp"

namespace coppice::node {

std::span<const child_assembly> assemblies() {
  static constexpr std::array all{
      child_assembly{&give_statem}, child_assembly{&give_stage},
      child_assembly{&give_router}, child_assembly{&give_raft},
      child_assembly{&give_saga},   child_assembly{&give_pool},
      child_assembly{&give_tcp},    child_assembly{&give_udp, &keep_udp},
      child_assembly{&give_port},   child_assembly{&give_event_manager},
      child_assembly{&give_web},    child_assembly{&give_consumer_supervisor, &keep_consumers},
      child_assembly{&give_tally},
  };
  return all;
}

} // namespace coppice::node
