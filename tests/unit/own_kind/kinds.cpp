// SPDX-License-Identifier: MIT
// rooms: node
// The list of kinds, a line each. It is all that this file has, so that a test program can have a longer one.
#include "spec/kinds/kinds.hpp"

#include <array>

#include "own_kind/tally.hpp"
#include "spec/kinds/consumer_supervisor.hpp"
#include "spec/kinds/event_manager.hpp"
#include "spec/kinds/pool.hpp"
#include "spec/kinds/port.hpp"
#include "spec/kinds/raft.hpp"
#include "spec/kinds/router.hpp"
#include "spec/kinds/saga.hpp"
#include "spec/kinds/stage.hpp"
#include "spec/kinds/statem.hpp"
#include "spec/kinds/tcp.hpp"
#include "spec/kinds/udp.hpp"
#include "spec/kinds/web.hpp"

namespace coppice::spec {

std::span<const kind* const> kinds() {
  static const std::array all{
      &statem_kind(), &stage_kind(),         &router_kind(), &raft_kind(),
      &saga_kind(),   &pool_kind(),          &tcp_kind(),    &udp_kind(),
      &port_kind(),   &event_manager_kind(), &web_kind(),    &consumer_supervisor_kind(),
      &tally_kind(),
  };
  return all;
}

} // namespace coppice::spec
