// SPDX-License-Identifier: MIT
// Notes a transition's actions beside the machine that carries them out. In the test's thread.
#include <coppice/testing/statem.hpp>

namespace coppice::testing {

namespace detail {

void machine_in_test::add(statem_action<value> one) {
  said.push_back(one);
  is.add(std::move(one));
}

} // namespace detail
} // namespace coppice::testing
