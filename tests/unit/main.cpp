// SPDX-License-Identifier: MIT
// The entry of every unit-test program: doctest's own, in a library of its own so that it is compiled once.
// Arguments are doctest's (`--test-case=…`, `--list-test-cases`).
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
