// SPDX-License-Identifier: MIT
// A process's name for people, in log lines and reports: its registered name, or its pid if it has none. In
// the process's own turn.
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
