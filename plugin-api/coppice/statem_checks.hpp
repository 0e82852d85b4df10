// SPDX-License-Identifier: MIT
// Moved: include <coppice/detail/statem_checks.hpp>. This file goes with the next minor version.
#pragma once
#pragma GCC warning "<coppice/statem_checks.hpp> is <coppice/detail/statem_checks.hpp> now"
#include <coppice/detail/statem_checks.hpp>
