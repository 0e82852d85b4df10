// SPDX-License-Identifier: MIT
// Moved: include <coppice/detail/tables.hpp>. This file goes with the next minor version.
#pragma once
#pragma GCC warning "<coppice/tables.hpp> is <coppice/detail/tables.hpp> now"
#include <coppice/detail/tables.hpp>
