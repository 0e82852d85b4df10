// SPDX-License-Identifier: MIT
// The kind of failure that a value of errno means, for code that makes errors. Any thread.
#pragma once

#include "base/error.hpp"

namespace coppice::base {

errc code_of_errno(int number);

} // namespace coppice::base
