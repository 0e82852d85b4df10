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
// first. The same seed makes the same choices on every machine. Header-only. In the test's thread.
#pragma once

#include <algorithm>
#include <exception>
#include <map>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
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

/// The picks that are not plain, by the number of the choice.
using picks = std::map<std::size_t, std::size_t>;

struct explored_run {
  std::string fault;
  picks picked;
  std::vector<std::string> said;
};

/// One run of the test. `pick` is asked with the number of the choice and the number of its options.
template <class Body, class Pick>
explored_run run_scene(Body& body, Pick pick) {
  explored_run out;
  take_complaints();
  try {
    scene world;
    std::size_t at = 0;
    world.choose_by([&](std::size_t count, const std::function<std::string(std::size_t)>& say) {
      const std::size_t number = at++;
      const std::size_t picked = std::min<std::size_t>(pick(number, count), count - 1);
      if (picked == 0) return picked;
      const std::string plain = say(0);
      const std::string instead = say(picked);
      out.picked[number] = picked;
      out.said.push_back("choice " + std::to_string(number) + ": " + instead +
                         (plain == instead ? std::string() : ", before " + plain));
      return picked;
    });
    bool held = true;
    if constexpr (std::is_void_v<std::invoke_result_t<Body&, scene&>>)
      body(world);
    else
      held = static_cast<bool>(body(world));
    const auto all = world.complaints();
    if (!all.empty()) out.fault = all.front();
    if (!held) out.fault = "the test returned false";
  } catch (const std::exception& thrown) {
    out.fault = *thrown.what() == '\0' ? "the test threw" : thrown.what();
  } catch (...) {
    out.fault = "the test threw";
  }
  const auto others = take_complaints();
  if (out.fault.empty() && !others.empty()) out.fault = others.front();
  return out;
}

/// Leaves out choices as long as the run fails. `failed` is such a run.
template <class Body>
explored_run fewest(Body& body, explored_run failed, std::size_t most_runs) {
  const auto without = [&failed](std::size_t begin, std::size_t count) {
    picks left;
    std::size_t i = 0;
    for (const auto& each : failed.picked) {
      if (i < begin || i >= begin + count) left.insert(each);
      ++i;
    }
    return left;
  };
  std::size_t chunk = std::max<std::size_t>(failed.picked.size() / 2, 1);
  for (bool changed = true; chunk != 0 && changed;) {
    changed = false;
    for (std::size_t begin = 0; begin < failed.picked.size();) {
      if (most_runs-- == 0) return failed;
      const picks left = without(begin, chunk);
      explored_run next = run_scene(body, [&left](std::size_t number, std::size_t) {
        const auto found = left.find(number);
        return found == left.end() ? std::size_t{0} : found->second;
      });
      if (next.fault.empty()) {
        begin += chunk;
      } else {
        failed = std::move(next);
        changed = true;
      }
    }
    if (chunk > 1) {
      chunk /= 2;
      changed = true;
    }
  }
  return failed;
}

} // namespace detail

/// Runs `body(scene&)` in the plain order, and then in `runs` others.
template <class Body>
explored explore(std::size_t runs, Body body, const exploration& how = {}) {
  explored out;
  const auto plain = detail::run_scene(body, [](std::size_t, std::size_t) { return std::size_t{0}; });
  if (!plain.fault.empty()) {
    out.fault = plain.fault;
    out.is_plain = true;
    return out;
  }
  while (out.runs < runs) {
    out.seed = how.seed + out.runs++;
    detail::seeded dice(out.seed);
    const std::uint64_t rarity = std::uint64_t{2}
                                 << dice.below(4); // one choice in 2, 4, 8 or 16 is not plain
    auto run = detail::run_scene(body, [&](std::size_t, std::size_t count) {
      return dice.below(rarity) != 0 ? std::size_t{0} : static_cast<std::size_t>(1 + dice.below(count - 1));
    });
    if (run.fault.empty()) continue;
    run = detail::fewest(body, std::move(run), how.most_shrinks);
    out.fault = std::move(run.fault);
    out.choices = std::move(run.said);
    return out;
  }
  return out;
}

} // namespace coppice::testing
