// SPDX-License-Identifier: MIT
// Walks from a process to the processes that started it. Any thread.
#include "behaviours/supervision/left_over.hpp"

#include <string>

#include "runtime/system.hpp"

namespace coppice::behaviours {

bool is_left_over(const runtime::system& host, runtime::pid who, std::string_view path) {
  constexpr int deepest = 100;
  const std::string below = std::string(path) + "/";
  for (int i = 0; i < deepest && who.here(); ++i) {
    const auto info = host.info(who);
    if (!info) return true;
    if (path.empty() || !info->path.starts_with(below)) return false;
    if (!host.alive(info->parent)) return true;
    who = info->parent;
  }
  return false;
}

} // namespace coppice::behaviours
