// SPDX-License-Identifier: MIT
// Finds the keys in which two JSON values differ. A key that one of two objects lacks is null there; lists
// and scalars are compared whole.
#pragma once

#include <string>

#include "spec/schema/type.hpp"

namespace coppice::spec {

// Calls found(KEY, BEFORE, AFTER) for each change. KEY: the keys from `key` down to it, joined by dots.
template <class Found>
void for_each_change(const json& before, const json& after, const std::string& key, const Found& found) {
  if (before == after) return;
  if (!before.is_object() || !after.is_object()) return found(key, before, after);
  const std::string prefix = key.empty() ? key : key + ".";
  for (const auto& [name, value] : before.items())
    for_each_change(value, after.contains(name) ? after.at(name) : json(), prefix + name, found);
  for (const auto& [name, value] : after.items())
    if (!before.contains(name)) for_each_change(json(), value, prefix + name, found);
}

} // namespace coppice::spec
