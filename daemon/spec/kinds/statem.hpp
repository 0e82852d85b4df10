// SPDX-License-Identifier: MIT
// The options of an actor that is a state machine, as the configuration has them. Any thread.
#pragma once

#include <cstdint>

#include "spec/schema/values.hpp"

namespace coppice::spec {

enum class postponed_overload { exit, drop_new, drop_old };

// Bounds of the events that a state machine postpones.
struct postponed_options {
  std::uint32_t limit = 10'000; // events
  postponed_overload on_full = postponed_overload::exit;
  bool operator==(const postponed_options&) const = default;
};

struct statem_options {
  postponed_options postponed;
  bool operator==(const statem_options&) const = default;
};

} // namespace coppice::spec
