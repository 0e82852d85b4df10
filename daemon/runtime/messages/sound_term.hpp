// SPDX-License-Identifier: MIT
// Whether bytes may be sent to other nodes: they are exactly one term, and no map in it has a key twice.
// Terms from other nodes were checked on arrival; terms that plugins build are not checked while they stay on
// this node. Any thread.
#pragma once

#include <coppice/etf/limits.hpp>
#include <coppice/etf/types.hpp>

namespace coppice::runtime {

bool is_sound_term(etf::bytes bytes, const etf::limits& bounds = {});

} // namespace coppice::runtime
