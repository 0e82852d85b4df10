// SPDX-License-Identifier: MIT
// Makes bounds of the product small (base/bound.hpp), as the seed decides.
// rooms: node
#pragma once

#include <cstdint>

namespace coppice::simulated {

// In half of the runs about half of the bounds are less than usual, some of those as small as they can be.
// Called before the first node starts. Tells the names and values of the small bounds. The value of a bound
// follows from the seed and its name, so that another bound does not change it.
void make_bounds_small(std::uint64_t seed);

} // namespace coppice::simulated
