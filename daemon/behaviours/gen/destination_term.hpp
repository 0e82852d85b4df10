// SPDX-License-Identifier: MIT
// Whom a term names, as GenServer's calls and sends take it. Any thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <optional>

#include "runtime/messages/ids.hpp"

namespace coppice::behaviours {

// A pid, an alias, Name, or {Name, Node}. Nothing: it is none of them, or there is no room for another node's
// name. The process need not exist.
std::optional<runtime::destination> read_destination(etf::bytes term, runtime::node_names& names);

} // namespace coppice::behaviours
