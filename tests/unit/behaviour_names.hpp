// SPDX-License-Identifier: MIT
// The names of all behaviours of this host, in the form in which error messages list them:
// "consumer, producer, …".
#pragma once

#include <coppice/detail/behaviours.h>

#include <string>

namespace coppice::test {

inline std::string behaviour_names() {
  std::string all;
  for (const coppice_behaviour* one = coppice_behaviours; one->name != nullptr; ++one)
    all += (all.empty() ? "" : ", ") + std::string(one->name);
  return all;
}

} // namespace coppice::test
