// SPDX-License-Identifier: MIT
// See small_bounds.hpp.
// rooms: node
#include "small_bounds.hpp"

#include <algorithm>
#include <vector>

#include "base/bound.hpp"
#include "machine/machine.hpp"
#include "machine/story.hpp"

namespace coppice::simulated {
namespace {

// By their names: the order in which they were made is the linker's.
std::vector<base::any_bound*> all_bounds() {
  std::vector<base::any_bound*> all;
  for (base::any_bound* one = base::any_bound::first(); one != nullptr; one = one->next()) all.push_back(one);
  std::ranges::sort(all, {}, &base::any_bound::name);
  return all;
}

} // namespace

void make_bounds_small(std::uint64_t seed) {
  draws its(seed * 0xa24baed4963ee407);
  if (its.one_in(2)) return;
  for (base::any_bound* const one : all_bounds()) {
    const std::int64_t room = one->usual() - one->least();
    const std::uint64_t kind = its.below(4);
    const std::int64_t small = its.between(0, std::min<std::int64_t>(room, 3));
    const std::int64_t any = its.between(0, room / 4);
    if (kind > 1) continue;
    one->set(one->least() + (kind == 0 ? small : any));
    tell_fault("bound {} is {} of {}", one->name(), one->value(), one->usual());
  }
}

} // namespace coppice::simulated
