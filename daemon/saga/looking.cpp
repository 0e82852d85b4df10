// SPDX-License-Identifier: MIT
// Shows people the transactions and steps of a core that are open, and the participants for which they wait.
// It changes nothing. One thread at a time.
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

std::string_view word_of(step::state of) {
  constexpr std::array<std::string_view, 7> words{"planned", "asked",     "done",     "failed",
                                                  "undone",  "committed", "forgotten"};
  return words[static_cast<std::size_t>(of)];
}

std::string_view word_of(request_kind of) {
  switch (of) {
    case request_kind::perform:
      return "do";
    case request_kind::reverse:
      return "undo";
    case request_kind::confirm:
      return "commit";
    case request_kind::forget:
      return "forget";
  }
  return {};
}

// Sorts by the beginning of the units, and keeps at most `most` numbers.
void sort_first(std::vector<std::uint64_t>& numbers, std::size_t most) {
  const std::size_t shown = std::min(most, numbers.size());
  std::partial_sort(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(shown), numbers.end());
  numbers.resize(shown);
}

} // namespace

open_unit core::look_at(const unit& of) const {
  open_unit made;
  const step_key& key = of.lead ? of.lead->self : of.part->key;
  made.tx = key.tx;
  made.depth = static_cast<std::uint32_t>(key.step.path.size());
  made.state = of.lead ? word_of(of.lead->what) : word_of(of.part->state);
  made.in_doubt = is_in_doubt(of);
  made.parked = of.parked > 0;
  const bool undecided = of.lead ? of.lead->undecided() : of.part->state == entry_state::begun;
  const nanos deadline = of.lead ? of.lead->deadline : of.part->deadline;
  if (undecided) made.left = std::max<nanos>(0, deadline - now_);
  if (!of.lead) return made;
  for (const step& one : of.lead->steps) {
    if (one.pending && made.waits.size() < most_waits) made.waits.push_back(one.spec.to);
  }
  return made;
}

std::vector<open_unit> core::open_units(std::size_t most, wanted_units which) const {
  std::vector<open_unit> out;
  const auto show = [&](std::uint64_t number) {
    if (out.size() == most) return false;
    out.push_back(look_at(units_.at(number)));
    return true;
  };
  if (which == wanted_units::in_doubt) {
    for (const auto& one : in_doubt_)
      if (!show(one.second)) break;
  } else if (which == wanted_units::parked) {
    for (const std::uint64_t number : parked_units_)
      if (!show(number)) break;
  } else if (which == wanted_units::overdue) {
    for (const auto& one : ending_)
      if (!is_overdue(one.first) || !show(one.second)) break;
  } else {
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, of] : units_)
      if (of.lead || of.part) numbers.push_back(number);
    sort_first(numbers, most);
    for (const std::uint64_t number : numbers) show(number);
  }
  return out;
}

std::vector<std::uint64_t> core::numbers_of(const std::string& tx) const {
  std::vector<std::uint64_t> numbers;
  if (const auto root = roots_.find(tx); root != roots_.end() && units_.at(root->second).lead)
    numbers.push_back(root->second);
  const step_key first{tx, {}};
  for (auto at = entries_.lower_bound(first); at != entries_.end() && at->first.tx == tx; ++at)
    numbers.push_back(at->second);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::vector<shown_unit> core::units_of(const std::string& tx, std::size_t most,
                                       std::size_t most_steps) const {
  std::vector<std::uint64_t> numbers = numbers_of(tx);
  numbers.resize(std::min(most, numbers.size()));
  std::vector<shown_unit> out;
  for (const std::uint64_t number : numbers) {
    const unit& of = units_.at(number);
    shown_unit& made = out.emplace_back();
    made.open = look_at(of);
    if (of.part) {
      const address& above = of.part->coordinator();
      made.from = above.name() + "@" + above.node();
      made.attempt = of.part->attempt;
      made.heuristic = of.part->heuristic;
      made.calling = of.part->calling;
      made.answer = of.part->answer;
    } else {
      made.from = of.lead->starter;
      made.answer = of.lead->end;
    }
    if (!of.lead) continue;
    for (const step& one : of.lead->steps) {
      if (most_steps == 0) break;
      --most_steps;
      shown_step& each = made.steps.emplace_back();
      each.number = one.number;
      each.group = one.group;
      each.to = one.spec.to;
      each.state = word_of(one.what);
      each.attempts = one.retries + 1;
      each.parked = one.parked;
      each.skipped = one.skipped;
      each.answer = one.answer;
      if (!one.pending) continue;
      each.pending = word_of(*one.pending);
      each.sent = one.tries;
      if (one.due != never) each.next = std::max<nanos>(0, one.due - now_);
    }
  }
  return out;
}

} // namespace coppice::saga
