// SPDX-License-Identifier: MIT
// See counters.hpp. A number's family holds a pointer to the number, which never moves: neither it nor the
// object that it is a member of can be copied.
#include "metrics/counters.hpp"

#include <algorithm>
#include <utility>

namespace coppice::metrics {

void samples::begin(exposition::labels of, std::size_t engines) {
  of_ = std::move(of);
  is_common_ = engines > 1;
}

void samples::end() {
  for (const common_series& one : std::exchange(common_, {})) {
    exposition::labels all = of_;
    for (const auto& [name, value] : one.more) all.push_back({name, value});
    if (one.at_or_below.empty())
      to_.sample(all, one.value);
    else
      to_.histogram(all, one.bounds, one.at_or_below, one.sum);
  }
}

void samples::add(more_labels more, std::uint64_t value) {
  if (!is_common_) return to_.sample(with(more), value);
  in_common(more).value += value;
}

void samples::histogram(more_labels more, const std::vector<double>& bounds,
                        const std::vector<std::uint64_t>& at_or_below, double sum) {
  if (!is_common_) return to_.histogram(with(more), bounds, at_or_below, sum);
  common_series& its = in_common(more);
  its.bounds = bounds; // the same of all engines of a kind
  its.at_or_below.resize(at_or_below.size());
  for (std::size_t i = 0; i < at_or_below.size(); ++i) its.at_or_below[i] += at_or_below[i];
  its.sum += sum;
}

samples::common_series& samples::in_common(more_labels more) {
  const auto found = std::ranges::find_if(common_, [&](const common_series& one) {
    return std::ranges::equal(one.more, more, [](const auto& had, const exposition::label& given) {
      return had.first == given.name && had.second == given.value;
    });
  });
  if (found != common_.end()) return *found;
  common_series& made = common_.emplace_back();
  for (const exposition::label& one : more) made.more.emplace_back(one.name, one.value);
  return made;
}

bool samples::take_row() {
  if (rows_ == 0) return false;
  --rows_;
  return true;
}

exposition::labels samples::with(more_labels more) const {
  exposition::labels all = of_;
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

void counters::show(kind what, std::string_view name, std::string_view help,
                    std::function<void(samples&)> write) {
  families_.push_back({what, name, help, std::move(write)});
}

number::number(counters& of, kind what, std::string_view name, std::string_view help) {
  of.show(what, name, help, [this](samples& to) { to.add(value()); });
}

} // namespace coppice::metrics
