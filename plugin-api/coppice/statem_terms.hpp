// SPDX-License-Identifier: MIT
// Moved: include <coppice/detail/statem_terms.hpp>. This file goes with the next minor version.
#pragma once
#pragma GCC warning "<coppice/statem_terms.hpp> is <coppice/detail/statem_terms.hpp> now"
#include <coppice/detail/statem_terms.hpp>
