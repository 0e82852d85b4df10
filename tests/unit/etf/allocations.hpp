// SPDX-License-Identifier: MIT
// Counts what the program's operator new has handed out, so that a test can say how much memory something
// takes. Replaces operator new and delete in the program that it is linked into. Counts are of the calling
// thread.
#pragma once

#include <cstddef>

namespace allocations {

struct tally {
  std::size_t count = 0; ///< calls of operator new
  std::size_t peak = 0;  ///< most bytes held at once, beyond those held at the start
};

/// The allocations of this thread since begin().
tally& current();
void begin();

template <class Work>
tally of(Work&& work) {
  begin();
  work();
  return current();
}

} // namespace allocations
