// SPDX-License-Identifier: MIT
// Moved: include <coppice/detail/descriptor.hpp>. This file goes with the next minor version.
#pragma once
#pragma GCC warning "<coppice/descriptor.hpp> is <coppice/detail/descriptor.hpp> now"
#include <coppice/detail/descriptor.hpp>
