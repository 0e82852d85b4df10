// SPDX-License-Identifier: MIT
// What people see of a core: the transactions and steps that are open, and for whom they wait. It changes
// nothing. One thread at a time.
#include <algorithm>
#include <array>

#include "saga/core.hpp"

namespace coppice::saga {

namespace {

constexpr std::size_t most_waits = 10;

std::string_view word_of(transaction::phase of) {
  constexpr std::array<std::string_view, 9> words{"starting",   "running", "holding",
                                                  "undoing",    "undoing", "committing",
                                                  "committing", "closed",  "forgetting"};
  return words[static_cast<std::size_t>(of)];
}

std::string_view word_of(entry_state of) {
  constexpr std::array<std::string_view, 6> words{"running", "running", "done",
                                                  "failed",  "undone",  "committed"};
  return words[static_cast<std::size_t>(of)];
}

} // namespace

std::vector<open_unit> core::open_units(std::size_t most) const {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, of] : units_)
    if (of.lead || of.part) numbers.push_back(number);
  const std::size_t shown = std::min(most, numbers.size());
  std::partial_sort(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(shown), numbers.end());
  numbers.resize(shown);
  std::vector<open_unit> out;
  for (const std::uint64_t number : numbers) {
    const unit& of = units_.at(number);
    open_unit& made = out.emplace_back();
    const step_key& key = of.lead ? of.lead->self : of.part->key;
    made.tx = key.tx;
    made.depth = static_cast<std::uint32_t>(key.step.path.size());
    made.state = of.lead ? word_of(of.lead->what) : word_of(of.part->state);
    made.in_doubt = is_in_doubt(of);
    made.parked = of.part && of.part->parked;
    const bool undecided = of.lead ? of.lead->undecided() : of.part->state == entry_state::begun;
    const nanos deadline = of.lead ? of.lead->deadline : of.part->deadline;
    if (undecided) made.left = std::max<nanos>(0, deadline - now_);
    if (!of.lead) continue;
    for (const step& one : of.lead->steps) {
      made.parked = made.parked || one.parked;
      if (one.pending && made.waits.size() < most_waits) made.waits.push_back(one.spec.to);
    }
  }
  return out;
}

} // namespace coppice::saga
