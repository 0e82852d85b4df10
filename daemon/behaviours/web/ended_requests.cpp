// SPDX-License-Identifier: MIT
// Finds the ended request that a late {http_watch, …} asks for. One thread.
#include "behaviours/web/ended_requests.hpp"

#include <cstddef>
#include <variant>

#include "behaviours/web/stream_term.hpp"

namespace coppice::behaviours {

namespace {

constexpr base::nanos remembered_for = 10 * base::nanos_per_second;
constexpr std::size_t most = 16;

} // namespace

void ended_requests::add(std::uint64_t number, std::string_view reason, base::nanos now) {
  if (all_.size() == most) all_.erase(all_.begin());
  all_.push_back({number, reason, now + remembered_for});
}

std::optional<ended_requests::notice> ended_requests::answer(const runtime::message& asked,
                                                             const runtime::pid& client,
                                                             runtime::node_names& names) {
  for (auto one = all_.begin(); one != all_.end(); ++one) {
    const auto order = read_stream_order(asked, {client, one->number}, names);
    if (!order || !*order) continue;
    const auto* const wish = std::get_if<stream_watch>(&**order);
    if (wish == nullptr) return std::nullopt;
    notice told{wish->by.by, stream_aborted(wish->by, one->reason)};
    all_.erase(one);
    return told;
  }
  return std::nullopt;
}

std::optional<base::nanos> ended_requests::remembered_until(base::nanos now) {
  std::erase_if(all_, [now](const ended& one) { return one.until <= now; });
  if (all_.empty()) return std::nullopt;
  return all_.back().until;
}

} // namespace coppice::behaviours
