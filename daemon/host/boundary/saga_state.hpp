// SPDX-License-Identifier: MIT
// What one saga holds that waits for another node or for an operator. Only the saga writes; any thread
// reads.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "metrics/counters.hpp"

namespace coppice::host {

struct saga_state final : metrics::counters {
  // A monotonic time, perhaps before the machine's start, or none.
  class instant {
   public:
    void set(std::optional<base::nanos> to) {
      value_.set(!to ? 0 : static_cast<std::uint64_t>(*to == 0 ? 1 : *to));
    }
    // How long ago it was. 0: there is none, or it is in the future.
    base::nanos age(base::nanos now) const {
      const auto at = static_cast<base::nanos>(value_.value());
      return at == 0 || at > now ? 0 : now - at;
    }

   private:
    metrics::number value_; // 0: none
  };

  saga_state() {
    show(metrics::kind::gauge, "saga_in_doubt_oldest_seconds",
         "Age of the step that has been in doubt for longest, in seconds. 0: none is",
         [this](metrics::samples& to) {
           to.add(static_cast<std::uint64_t>(in_doubt_since.age(base::mono_now()) / base::nanos_per_second));
         });
  }

  metrics::gauge in_doubt{*this, "saga_in_doubt",
                          "Steps that a saga takes part in and that are prepared, without a decision"};
  metrics::gauge parked{*this, "saga_parked", "Steps of a saga that cannot be undone"};
  // See saga::core for these times.
  instant in_doubt_since;
  instant first_ending;
  // For health, without families. In ns.
  metrics::number longest_doubt; // a step in doubt for longer should have had a decision
  metrics::number grace;         // an ending is overdue so long after its deadline
};

} // namespace coppice::host
