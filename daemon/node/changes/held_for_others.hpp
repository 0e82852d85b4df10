// SPDX-License-Identifier: MIT
// Which children must have stopped before any other starts: a child that is restarted by a change while
// another child is to have the socket or the registered name that it has now. Two children that exchange
// their ports would else be refused for ever, as the first to start finds its port taken. Pure.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "spec/diff.hpp"

namespace coppice::node {

// Their paths: APPLICATION/CHILD, APPLICATION/SUPERVISOR/CHILD. Of addresses only the port counts, so that a
// wildcard and an address of the same port are one.
std::set<std::string, std::less<>> held_for_others(const spec::difference& of, const spec::node_spec& after);

} // namespace coppice::node
