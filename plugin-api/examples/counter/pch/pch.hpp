// SPDX-License-Identifier: MIT
// What every file of the project reads first, compiled once: most of what a small plugin takes to build. It
// pays from the second file on.
#ifndef COUNTER_PCH_HPP
#define COUNTER_PCH_HPP

#include <coppice/server.hpp>

#endif
