// SPDX-License-Identifier: MIT
// Moved: include <coppice/detail/host.hpp>. This file goes with the next minor version.
#pragma once
#pragma GCC warning "<coppice/host.hpp> is <coppice/detail/host.hpp> now"
#include <coppice/detail/host.hpp>
