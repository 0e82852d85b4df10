// SPDX-License-Identifier: MIT
// Makes bounds of the product small (base/bound.hpp), as the seed decides.
// rooms: node
#pragma once

#include <cstdint>

namespace coppice::simulated {

// In half of the runs about half of the bounds are less than usual, many of those as small as they can be.
// Before the first node starts. Tells which are, and what they are.
void make_bounds_small(std::uint64_t seed);

} // namespace coppice::simulated
