// SPDX-License-Identifier: MIT
// The generic cell rate algorithm (ITU-T I.371, annex A). Each line moves the time at which the bucket is
// full again by one interval. A line is held back if that time would be more than a burst ahead. See
// log_rate.hpp.
#include "base/log_rate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/log_event.hpp"

namespace coppice::base::log {
namespace {

// The pid of a line that an actor wrote. Empty: the line is of the module, as all events are.
std::string_view pid_of(const record& line) {
  if (is_event(line)) return {};
  const auto found = std::ranges::find(line.fields, "pid", &field::name);
  return found == line.fields.end() ? std::string_view() : std::string_view(found->value);
}

std::uint64_t hash_of(std::string_view module, std::string_view pid) {
  const std::hash<std::string_view> hash;
  return (hash(module) * 31 + hash(pid)) | 1; // 0: no source
}

} // namespace

void log_rate::use(const line_rate& chosen) {
  const nanos interval = chosen.per_second == 0
                             ? 0
                             : std::max<nanos>(nanos_per_second / static_cast<nanos>(chosen.per_second), 1);
  burst_.store(interval * static_cast<nanos>(std::max<std::uint64_t>(chosen.burst, 1)),
               std::memory_order_relaxed);
  interval_.store(interval, std::memory_order_relaxed);
}

// An entry whose bucket is full says nothing about its source, so another source may take it.
log_rate::entry& log_rate::entry_of(std::uint64_t source, nanos now) {
  constexpr std::size_t looks = 4;
  entry* free = nullptr;
  for (std::size_t i = 0; i < looks; ++i) {
    entry& one = entries_[(source / 2 + i) % entries_.size()];
    if (one.source.load(std::memory_order_relaxed) == source) return one;
    if (free == nullptr && one.full_at.load(std::memory_order_relaxed) <= now &&
        one.held_back.load(std::memory_order_relaxed) == 0)
      free = &one;
  }
  if (free == nullptr) return entries_[source / 2 % entries_.size()];
  free->source.store(source, std::memory_order_relaxed);
  return *free;
}

bool log_rate::admits(const record& line, nanos now) {
  const nanos interval = interval_.load(std::memory_order_relaxed);
  if (interval == 0) return true;
  // Changes by an operator are logged in any case; calls of actors are many, but below notice.
  const bool is_change = is_event(line) && line.fields.front().value == events::asked_by_operator.id;
  if (is_change && line.level >= level::notice) return true;
  const std::string_view pid = pid_of(line);
  entry& mine = entry_of(hash_of(line.module, pid), now);
  const nanos latest = now + burst_.load(std::memory_order_relaxed);
  nanos full_at = mine.full_at.load(std::memory_order_relaxed);
  for (;;) {
    const nanos next = std::max(full_at, now) + interval;
    if (next > latest) {
      hold_back(mine, line, pid, now);
      return false;
    }
    if (mine.full_at.compare_exchange_weak(full_at, next, std::memory_order_relaxed)) return true;
  }
}

void log_rate::hold_back(entry& of, const record& line, std::string_view pid, nanos now) {
  if (of.held_back.fetch_add(1, std::memory_order_relaxed) != 0) return;
  const std::lock_guard guard(lock_);
  noted_.try_emplace(&of, noted{line.module, std::string(pid), now + period});
}

record log_rate::count_of(const noted& one, std::uint64_t lines) const {
  const nanos interval = std::max<nanos>(interval_.load(std::memory_order_relaxed), 1);
  const std::string whose = one.pid.empty() ? std::string() : " of " + one.pid;
  return {wall_now(),
          level::warning,
          one.module,
          fmt::format("{} lines{} held back: more than {} a second, see node.log.rate", lines, whose,
                      nanos_per_second / interval),
          {}};
}

std::optional<nanos> log_rate::next_due() const {
  const std::lock_guard guard(lock_);
  std::optional<nanos> earliest;
  for (const auto& [at, one] : noted_) earliest = std::min(earliest.value_or(one.due), one.due);
  return earliest;
}

std::vector<record> log_rate::take(std::optional<nanos> now) {
  std::vector<record> counts;
  const std::lock_guard guard(lock_);
  for (auto at = noted_.begin(); at != noted_.end();) {
    if (now && at->second.due > *now) {
      ++at;
      continue;
    }
    counts.push_back(count_of(at->second, at->first->held_back.exchange(0, std::memory_order_relaxed)));
    at = noted_.erase(at);
  }
  return counts;
}

std::vector<record> log_rate::take_due(nanos now) {
  return take(now);
}

std::vector<record> log_rate::take_all() {
  return take(std::nullopt);
}

} // namespace coppice::base::log
