// SPDX-License-Identifier: MIT
// Finds the children that must have stopped before any other starts: those that a change restarts, if another
// child is to get a socket or registered name that they have now. Otherwise two children that exchange their
// ports could never start, as the first one finds its port taken. Pure.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "spec/diff.hpp"

namespace coppice::node {

// Returns paths: APPLICATION/CHILD, APPLICATION/SUPERVISOR/CHILD. Only the port of an address counts, so that
// a wildcard address and another one conflict.
std::set<std::string, std::less<>> held_for_others(const spec::difference& of, const spec::node_spec& after);

} // namespace coppice::node
