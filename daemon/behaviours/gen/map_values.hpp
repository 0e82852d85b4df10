// SPDX-License-Identifier: MIT
// Reads the values of some atom keys from an encoded Erlang map. For child and supervisor specifications that
// come as maps: one pass over the bytes, no copy, unknown keys are skipped. Pure.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace coppice::behaviours {

using key_and_value = std::pair<std::string_view, etf::bytes*>;

// Reads a map. The value of each key in `keys` is stored as encoded bytes, and other keys are skipped. False:
// there is no whole map.
inline bool read_map_values(etf::cursor& at, std::span<const key_and_value> keys) {
  std::uint32_t pairs = 0;
  if (!at.read_map(pairs)) return false;
  for (; pairs != 0; --pairs) {
    std::string_view key;
    etf::bytes other_key;
    etf::bytes value;
    if (!at.read_atom(key) && !at.read_term(other_key)) return false;
    if (!at.read_term(value)) return false;
    for (const auto& [name, part] : keys) {
      if (name == key) *part = value;
    }
  }
  return true;
}

} // namespace coppice::behaviours
