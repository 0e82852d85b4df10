// SPDX-License-Identifier: MIT
// How much the services keep for the processes of one other node: what a peer is trusted to ask for takes
// memory and time here, and it may ask without end.
#pragma once

#include <cstddef>

namespace coppice::services {

struct peer_bounds {
  std::size_t groups = 250'000; // memberships in each scope of pg
  std::size_t names = 65'536;   // of `global`
  std::size_t locks = 1'024;    // of `global`, and as many questions that wait
};

} // namespace coppice::services
