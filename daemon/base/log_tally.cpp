// SPDX-License-Identifier: MIT
// A map from kinds of lines to their counts. See log_tally.hpp. Any thread.
#include "base/log_tally.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace coppice::base::log {

bool log_tally::first(std::string_view kind, const record& line, nanos now) {
  std::string key = fmt::format("{}:{}", line.module, kind);
  const std::lock_guard guard(lock_);
  if (kinds_.size() >= most_kinds && !kinds_.contains(key)) key.clear();
  const auto [at, fresh] = kinds_.try_emplace(std::move(key), counted_kind{line, now + period});
  if (!fresh) ++at->second.more;
  return fresh;
}

std::optional<nanos> log_tally::next_due() const {
  const std::lock_guard guard(lock_);
  std::optional<nanos> earliest;
  for (const auto& [key, one] : kinds_) earliest = std::min(earliest.value_or(one.until), one.until);
  return earliest;
}

std::vector<record> log_tally::take_due(nanos now) {
  std::vector<record> sums;
  const std::lock_guard guard(lock_);
  for (auto at = kinds_.begin(); at != kinds_.end();) {
    counted_kind& one = at->second;
    if (one.until > now) {
      ++at;
    } else if (one.more == 0) {
      at = kinds_.erase(at);
    } else {
      sums.push_back(sum_of(one));
      one.more = 0;
      one.until = now + period;
      ++at;
    }
  }
  return sums;
}

std::vector<record> log_tally::take_all() {
  std::vector<record> sums;
  const std::lock_guard guard(lock_);
  for (const auto& [key, one] : kinds_) {
    if (one.more != 0) sums.push_back(sum_of(one));
  }
  kinds_.clear();
  return sums;
}

record log_tally::sum_of(const counted_kind& one) {
  return {
      wall_now(),
      one.first.level,
      one.first.module,
      fmt::format("{} more like this within {} s: {}", one.more, period / nanos_per_second, one.first.text),
      {}};
}

} // namespace coppice::base::log
