// SPDX-License-Identifier: MIT
// Moved: include <coppice/detail/statem_machine.hpp>. This file goes with the next minor version.
#pragma once
#pragma GCC warning "<coppice/statem_machine.hpp> is <coppice/detail/statem_machine.hpp> now"
#include <coppice/detail/statem_machine.hpp>
