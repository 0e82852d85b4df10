// SPDX-License-Identifier: MIT
// Ends a compilation by an older standard with one sentence, in place of thousands of errors. The header that
// is included then does not exist: that alone is fatal for both compilers.
#pragma once

#if __cplusplus < 202002L
#error "Coppice's headers need C++20: compile with -std=c++20"
#include <needs-std=c++20>
#endif
