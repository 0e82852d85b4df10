// SPDX-License-Identifier: MIT
// What one saga holds that waits for another node or for an operator. The saga alone writes; any thread
// reads.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "metrics/counters.hpp"

namespace coppice::host {

struct saga_state final : metrics::counters {
  saga_state() {
    show(metrics::kind::gauge, "saga_in_doubt_oldest_seconds",
         "Age of the step that has been in doubt for longest, in seconds. 0: none is",
         [this](metrics::samples& to) {
           to.add(static_cast<std::uint64_t>(oldest(base::mono_now()) / base::nanos_per_second));
         });
  }

  // Monotonic; perhaps before the machine's start. nullopt: no step is in doubt.
  void set_in_doubt_since(std::optional<base::nanos> since) {
    since_.set(!since ? 0 : static_cast<std::uint64_t>(*since == 0 ? 1 : *since));
  }
  // For how long a step has been in doubt at least. 0: none is.
  base::nanos oldest(base::nanos now) const {
    const auto since = static_cast<base::nanos>(since_.value());
    return since == 0 || since > now ? 0 : now - since;
  }

  metrics::gauge in_doubt{*this, "saga_in_doubt",
                          "Steps that a saga takes part in and that are prepared, without a decision"};
  metrics::gauge parked{*this, "saga_parked", "Steps of a saga that cannot be undone"};
  // For health, without a family: a step that has been in doubt for longer should have had a decision. In ns.
  metrics::number patience;

 private:
  metrics::number since_; // 0: none is in doubt
};

} // namespace coppice::host
