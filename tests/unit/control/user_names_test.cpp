// SPDX-License-Identifier: MIT
// How often the name of a user is looked up.
#include "control/user_names.hpp"

#include <doctest/doctest.h>

using namespace coppice;

namespace {

int looked = 0;

} // namespace

TEST_CASE("a name is looked up once, and after a look-up that failed again in a minute") {
  looked = 0;
  control::user_names names([](std::uint32_t uid) -> std::optional<std::string> {
    ++looked;
    if (uid == 7 && looked < 4) return std::nullopt;
    return uid == 9 ? "" : "user" + std::to_string(uid);
  });
  constexpr base::nanos second = base::nanos_per_second;
  for (const base::nanos now : {second, 1000 * second}) CHECK(names.of(1, now) == "user1");
  // No user has this id.
  for (const base::nanos now : {second, 1000 * second}) CHECK(names.of(9, now).empty());
  CHECK(looked == 2);
  for (const base::nanos now : {second, 60 * second}) CHECK(names.of(7, now).empty());
  CHECK(looked == 3);
  CHECK(names.of(7, 61 * second) == "user7");
  CHECK(names.of(7, 62 * second) == "user7");
  CHECK(looked == 4);
}
