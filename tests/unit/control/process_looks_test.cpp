// SPDX-License-Identifier: MIT
// Which clients share a look at all processes, and how many looks are kept.
#include "control/process_looks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

using namespace coppice;
using control::process_look;

namespace {

constexpr base::nanos second = base::nanos_per_second;

// Clients of `top`, and a count of the looks that were taken for them.
struct clients {
  control::process_looks looks;
  int taken = 0;
  base::nanos now = 100 * second;

  std::shared_ptr<const process_look> comes(base::nanos span) {
    return looks.begin(now, span, [this] {
      ++taken;
      return process_look{now, 0, {}};
    });
  }
};

} // namespace

TEST_CASE("clients that begin at about the same time share a look, and it is gone when they are") {
  clients of;
  auto first = of.comes(8 * second);
  of.now += second;
  auto second_one = of.comes(8 * second);
  CHECK(second_one == first);
  CHECK(of.taken == 1);
  const std::weak_ptr<const process_look> kept = first;
  first.reset();
  CHECK_FALSE(kept.expired());
  second_one.reset();
  CHECK(kept.expired());
  CHECK(of.comes(8 * second)->at == of.now);
}

TEST_CASE("a look that is too old for a client's time is not shared") {
  clients of;
  const auto first = of.comes(8 * second);
  of.now += second + 1;
  const auto later = of.comes(8 * second);
  CHECK(later != first);
  CHECK(later->at == of.now);
  CHECK(of.comes(second) == later);
}

TEST_CASE("however many clients measure, and over whatever times, few looks are kept") {
  clients of;
  // The looks that clients hold, and until when.
  std::vector<std::pair<base::nanos, std::shared_ptr<const process_look>>> waiting;
  std::size_t most = 0;
  for (int i = 0; i < 2000; ++i) {
    of.now += second / 20;
    std::erase_if(waiting, [&](const auto& one) { return one.first <= of.now; });
    for (const base::nanos span : {60 * second, 20 * second, 5 * second, second, second / 10})
      waiting.emplace_back(of.now + span, of.comes(span));
    std::set<const process_look*> kept;
    for (const auto& [until, look] : waiting) kept.insert(look.get());
    most = std::max(most, kept.size());
  }
  CHECK(most == control::process_looks::most);
}
