// SPDX-License-Identifier: MIT
// Runs a test of a scene again and again, each time in another order of deliveries, timers and the faults
// that the test allows, and shows the fewest choices that make it fail.
//
//   CHECK(explore(500, [&](scene& world) {
//     world.supervise({}, {{"bank", shop}, {"till", shop, {.actor = "till"}}});
//     world.may_be_killed("till");
//     world["till"].send(sell{"tea"});
//     return world["bank"].call(total{}) == 3;
//   }));
//
// A run fails if the test returns false or throws, or an actor breaks a rule of the API. The plain order runs
// first. The same seed makes the same choices on every machine. In the test's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <type_traits>
#include <vector>

#include <coppice/testing/scene.hpp>

namespace coppice::testing {

struct exploration {
  std::uint64_t seed = 1;         ///< of the first run; each further one has the next number
  std::size_t most_shrinks = 500; ///< runs that look for fewer choices
};

/// The outcome of explore().
struct explored {
  std::string fault = {};                ///< why a run failed; empty: none did
  bool is_plain = false;                 ///< the plain order failed
  std::uint64_t seed = 0;                ///< of the run that failed
  std::size_t runs = 0;                  ///< up to the first that failed, without the plain one
  std::vector<std::string> choices = {}; ///< those that differ from the plain order, in sentences

  explicit operator bool() const { return fault.empty(); }
  friend std::ostream& operator<<(std::ostream& out, const explored& shown) {
    if (shown) return out << "(no run of " << shown.runs << " failed)";
    out << "\n  " << shown.fault;
    if (shown.is_plain) return out << "\n  in the plain order";
    out << "\n  with seed " << shown.seed << ", after " << shown.runs
        << " runs; explore(1, …, {.seed = " << shown.seed << "}) repeats it"
        << "\n  choices that differ from the plain order: " << shown.choices.size();
    for (const std::string& each : shown.choices) out << "\n    " << each;
    return out;
  }
};

namespace detail {
/// As explore() below; `body` returns false if the run fails.
explored explore_by(std::size_t runs, const std::function<bool(scene& world)>& body, const exploration& how);
} // namespace detail

/// Runs `body(scene&)` in the plain order, and then in `runs` others.
template <class Body>
explored explore(std::size_t runs, Body body, const exploration& how = {}) {
  const auto held = [&body](scene& world) {
    if constexpr (std::is_void_v<std::invoke_result_t<Body&, scene&>>) {
      body(world);
      return true;
    } else {
      return static_cast<bool>(body(world));
    }
  };
  return detail::explore_by(runs, held, how);
}

} // namespace coppice::testing
