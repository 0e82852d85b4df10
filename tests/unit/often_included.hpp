// SPDX-License-Identifier: MIT
// What most unit tests include of other libraries. Builds under a sanitizer precompile it; no source
// includes it.
#pragma once

#include "../often_included.hpp"

#include <doctest/doctest.h>
