// SPDX-License-Identifier: MIT
// How many times in a row a process was woken from the same worker.
#include "runtime/scheduling/wake_history.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

using coppice::runtime::wake_history;

TEST_CASE("wakes from one worker count in a row, up to the most, and from another one begin anew") {
  wake_history seen;
  for (const std::uint16_t worker :
       {std::uint16_t{0}, std::uint16_t{5}, std::uint16_t{1022}, std::uint16_t{1023}}) {
    CAPTURE(worker);
    for (std::uint16_t row = 1; row <= wake_history::most; ++row) CHECK(seen.note(worker) == row);
    CHECK(seen.note(worker) == wake_history::most);
  }
}

TEST_CASE("what was forgotten does not count") {
  wake_history seen;
  for (const std::uint16_t worker : {std::uint16_t{0}, std::uint16_t{1023}}) {
    CHECK(seen.note(worker) == 1);
    CHECK(seen.note(worker) == 2);
    seen.forget();
    CHECK(seen.note(worker) == 1);
    seen.forget();
  }
}
