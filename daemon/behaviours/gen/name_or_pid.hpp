// SPDX-License-Identifier: MIT
// How a process is named to people: by its registered name, and by its pid where it has none. In its own
// turn.
#pragma once

#include <string>

#include "runtime/process.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

inline std::string name_or_pid(const runtime::process& of) {
  std::string name = of.name();
  return name.empty() ? to_text(of.self(), of.host().nodes()) : name;
}

} // namespace coppice::behaviours
