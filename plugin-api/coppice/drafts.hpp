// SPDX-License-Identifier: MIT
// Moved: include <coppice/detail/drafts.hpp>. This file goes with the next minor version.
#pragma once
#pragma GCC warning "<coppice/drafts.hpp> is <coppice/detail/drafts.hpp> now"
#include <coppice/detail/drafts.hpp>
