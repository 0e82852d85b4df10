// SPDX-License-Identifier: MIT
// The layout seen by a C++ compiler. Compiling it is the test.
#include "layout_1_0.h"
