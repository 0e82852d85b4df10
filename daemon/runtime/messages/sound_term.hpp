// SPDX-License-Identifier: MIT
// What may be told other nodes: bytes that are one whole term, no map of which names a key twice. What came
// from other nodes is; what plugins build is believed to be as long as it stays here. Any thread.
#pragma once

#include <coppice/etf/limits.hpp>
#include <coppice/etf/types.hpp>

namespace coppice::runtime {

bool is_sound_term(etf::bytes bytes, const etf::limits& bounds = {});

} // namespace coppice::runtime
