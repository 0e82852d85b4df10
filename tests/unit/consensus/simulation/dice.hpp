// SPDX-License-Identifier: MIT
// The random numbers of a simulated run, also as the random_source of a core. One thread at a time.
#pragma once

#include "consensus/options.hpp"
#include "seeded_dice.hpp"

namespace coppice::consensus::simulation {

using coppice::test::mix;

class dice final : public random_source, public coppice::test::seeded_dice {
 public:
  using seeded_dice::seeded_dice;
  std::uint64_t next() override { return seeded_dice::next(); }
};

} // namespace coppice::consensus::simulation
