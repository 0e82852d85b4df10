// SPDX-License-Identifier: MIT
// Structs that a plugin made and that begin with their size: they may be of older headers, and shorter than
// ours, or of newer ones, and longer. Read here into one of our size, so that nobody else looks at a size
// again: what lies beyond the plugin's is zero, what lies beyond ours is not read. Any thread.
#pragma once

#include <coppice/behaviours.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <type_traits>

namespace coppice::host {

// None: there is no struct, or it is smaller than its first release, `least`.
template <class Struct>
std::optional<Struct> sized(const Struct* from, std::size_t least) {
  static_assert(std::is_trivially_copyable_v<Struct> && offsetof(Struct, size) == 0);
  if (from == nullptr || from->size < least) return std::nullopt;
  Struct out{};
  std::memcpy(&out, from, std::min<std::size_t>(from->size, sizeof out));
  return out;
}

// The callbacks that an actor type has under this name; without them every entry is null.
template <class Table>
Table callbacks_of(const coppice_actor_type& type, const char* name, std::size_t least) {
  const coppice_table* const found = coppice_find_table(&type, name);
  if (found == nullptr) return {};
  return sized(static_cast<const Table*>(found->callbacks), least).value_or(Table{});
}

} // namespace coppice::host
