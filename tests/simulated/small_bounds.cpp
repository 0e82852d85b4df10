// SPDX-License-Identifier: MIT
// See small_bounds.hpp.
// rooms: node
#include "small_bounds.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/bound.hpp"
#include "machine/machine.hpp"
#include "machine/story.hpp"

namespace coppice::simulated {
namespace {

// Sorted by name, because the linker chooses the order in which they are made.
std::vector<const base::any_bound*> all_bounds() {
  std::vector<const base::any_bound*> all;
  for (const base::any_bound* one = base::any_bound::first(); one != nullptr; one = one->next())
    all.push_back(one);
  std::ranges::sort(all, {}, &base::any_bound::name);
  return all;
}

std::uint64_t hash_of(std::string_view text) { // FNV-1a
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char one : text) hash = (hash ^ static_cast<unsigned char>(one)) * 0x100000001b3;
  return hash;
}

} // namespace

void make_bounds_small(std::uint64_t seed) {
  const std::uint64_t of_run = seed * 0xa24baed4963ee407;
  if (draws(of_run).one_in(2)) return;
  for (const base::any_bound* const one : all_bounds()) {
    draws its(of_run ^ hash_of(one->name()));
    const std::int64_t room = one->usual() - one->least();
    const std::uint64_t kind = its.below(4);
    if (kind > 1 || room == 0) continue;
    one->set(one->least() + its.between(0, kind == 0 ? std::min<std::int64_t>(room - 1, 3) : room / 4));
    tell_fault("bound {} is {} of {}", one->name(), one->value(), one->usual());
  }
}

} // namespace coppice::simulated
