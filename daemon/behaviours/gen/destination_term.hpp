// SPDX-License-Identifier: MIT
// Reads the destination of a call or send from a term, in the forms that GenServer takes: a pid, an alias, a
// name, or a name with a node. Plugins and other nodes give destinations as such terms. Any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <optional>

#include "runtime/messages/ids.hpp"

namespace coppice::behaviours {

// A pid, an alias, Name, or {Name, Node}. Empty: another form, or no room for the other node's name. The
// process need not exist.
std::optional<runtime::destination> read_destination(etf::bytes term, runtime::node_names& names);

} // namespace coppice::behaviours
