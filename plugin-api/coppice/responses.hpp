// SPDX-License-Identifier: MIT
// Moved: include <coppice/detail/responses.hpp>. This file goes with the next minor version.
#pragma once
#pragma GCC warning "<coppice/responses.hpp> is <coppice/detail/responses.hpp> now"
#include <coppice/detail/responses.hpp>
