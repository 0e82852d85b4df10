// SPDX-License-Identifier: MIT
// Converts deadlines of plugins: monotonic nanoseconds; 0: five seconds from now; COPPICE_FOREVER: none. In
// the process's own turn.
#pragma once

#include <coppice/call.h>

#include <cstdint>

#include "base/clock.hpp"
#include "host/boundary/host.hpp"
#include "runtime/process.hpp"

namespace coppice::host {

constexpr base::nanos default_patience = 5 * base::nanos_per_second;

static_assert(COPPICE_FOREVER == runtime::no_deadline);
inline base::nanos until(const coppice_actor& self, std::int64_t deadline) {
  return deadline == 0 ? self.process->now() + default_patience : deadline;
}

} // namespace coppice::host
