// SPDX-License-Identifier: MIT
// Runs a test of a scene in many orders, and looks for the fewest choices that make it fail. In the test's
// thread.
#include <coppice/testing/explore.hpp>

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

namespace coppice::testing::detail {

namespace {

using test_body = std::function<bool(scene& world)>;

// The picks that are not plain, by the number of the choice.
using picks = std::map<std::size_t, std::size_t>;

struct explored_run {
  std::string fault;
  picks picked;
  std::vector<std::string> said;
};

// One run of the test. `pick` is asked with the number of the choice and the number of its options.
explored_run run_scene(const test_body& body,
                       const std::function<std::size_t(std::size_t number, std::size_t count)>& pick) {
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
    const bool held = body(world);
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

// Leaves out choices as long as the run fails. `failed` is such a run.
explored_run fewest(const test_body& body, explored_run failed, std::size_t most_runs) {
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

} // namespace

explored explore_by(std::size_t runs, const test_body& body, const exploration& how) {
  explored out;
  const auto plain = run_scene(body, [](std::size_t, std::size_t) { return std::size_t{0}; });
  if (!plain.fault.empty()) {
    out.fault = plain.fault;
    out.is_plain = true;
    return out;
  }
  while (out.runs < runs) {
    out.seed = how.seed + out.runs++;
    seeded dice(out.seed);
    const std::uint64_t rarity = std::uint64_t{2}
                                 << dice.below(4); // one choice in 2, 4, 8 or 16 is not plain
    auto run = run_scene(body, [&](std::size_t, std::size_t count) {
      return dice.below(rarity) != 0 ? std::size_t{0} : static_cast<std::size_t>(1 + dice.below(count - 1));
    });
    if (run.fault.empty()) continue;
    run = fewest(body, std::move(run), how.most_shrinks);
    out.fault = std::move(run.fault);
    out.choices = std::move(run.said);
    return out;
  }
  return out;
}

} // namespace coppice::testing::detail
