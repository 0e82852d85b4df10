// SPDX-License-Identifier: MIT
// What validate() leaves to whoever materialises a map: whether one names a key twice. Erlang nodes end the
// connection a message with such a map comes over, so bytes of doubtful origin are asked before they leave.
// Any thread.
#pragma once

#include <coppice/etf/types.hpp>

namespace coppice::etf {

/// Whether every map in `term`, which has passed validate(), has each of its keys once. A term without a byte
/// that could be a map's costs one look for that; keys of maps in the values of maps are looked for once a
/// level.
bool has_unique_keys(bytes term);

} // namespace coppice::etf
