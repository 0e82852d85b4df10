// SPDX-License-Identifier: MIT
// See counters.hpp. A number's family holds a pointer to the number, which never moves: neither it nor the
// object that it is a member of can be copied.
#include "metrics/counters.hpp"

#include <utility>

namespace coppice::metrics {

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
