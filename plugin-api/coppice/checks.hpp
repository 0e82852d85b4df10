// SPDX-License-Identifier: MIT
// Moved: include <coppice/detail/checks.hpp>. This file goes with the next minor version.
#pragma once
#pragma GCC warning "<coppice/checks.hpp> is <coppice/detail/checks.hpp> now"
#include <coppice/detail/checks.hpp>
