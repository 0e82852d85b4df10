// SPDX-License-Identifier: MIT
// Registers each actor under test as long as it exists. Any thread.
#include <coppice/testing/world.hpp>

#include <algorithm>
#include <mutex>

namespace coppice::testing::detail {

world::world() {
  const std::scoped_lock held(worlds.lock);
  worlds.all.insert(this);
}

world::~world() {
  world* mine = this;
  latest.compare_exchange_strong(mine, nullptr);
  const std::scoped_lock held(worlds.lock);
  worlds.all.erase(this);
  std::ranges::move(overheard, std::back_inserter(worlds.complaints));
}

world* of(coppice_actor* self) {
  return reinterpret_cast<world*>(self);
}

} // namespace coppice::testing::detail
