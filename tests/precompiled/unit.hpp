// SPDX-License-Identifier: MIT
// The same for unit tests.
#pragma once

#include <doctest/doctest.h>

#include "standard.hpp"
