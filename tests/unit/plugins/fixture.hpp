// SPDX-License-Identifier: MIT
// Loads a plugin of the folder fixtures/, for the tests of coppice/testing.hpp. Any thread.
#pragma once

#include <coppice/testing.hpp>

#include <coppice/testing/erlang.hpp>

#include "places.hpp"

inline coppice::testing::plugin fixture(const std::string& name) {
  return coppice::testing::plugin::load(std::string(FIXTURE_FOLDER) + "/" + name + ".so");
}
