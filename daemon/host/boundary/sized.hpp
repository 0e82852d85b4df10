// SPDX-License-Identifier: MIT
// Reads structs that a plugin made and that begin with their size. They may come from older headers and be
// shorter than the daemon's, or from newer ones and be longer. They are copied into a struct of the daemon's
// size: members beyond the plugin's size are zero, members beyond the daemon's are not read. Any thread.
#pragma once

#include <coppice/detail/behaviours.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <type_traits>

namespace coppice::host {

// Empty: there is no struct, or it is smaller than `least`, its first release.
template <class Struct>
std::optional<Struct> sized(const Struct* from, std::size_t least) {
  static_assert(std::is_trivially_copyable_v<Struct> && offsetof(Struct, size) == 0);
  if (from == nullptr || from->size < least) return std::nullopt;
  Struct out{};
  std::memcpy(&out, from, std::min<std::size_t>(from->size, sizeof out));
  return out;
}

// The callbacks of an actor type under this name; without such a table every entry is null.
template <class Table>
Table callbacks_of(const coppice_actor_type& type, const char* name, std::size_t least) {
  const coppice_table* const found = coppice_find_table(&type, name);
  if (found == nullptr) return {};
  return sized(static_cast<const Table*>(found->callbacks), least).value_or(Table{});
}

} // namespace coppice::host
