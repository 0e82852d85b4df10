// SPDX-License-Identifier: MIT
// See saga_callers.hpp.
#include "behaviours/saga/saga_callers.hpp"

namespace coppice::behaviours {

namespace {

constexpr std::size_t most_of_request = 2;

const std::string& node_of(const saga_callers::place& of) {
  return of.first.step.path.back().saga.node();
}

std::size_t size_of(const runtime::message& from) {
  return from.size() + runtime::memory_of_entry;
}

} // namespace

bool saga_callers::keep(const place& of, const runtime::message& from, saga::commit_kind kind,
                        std::optional<std::size_t> most) {
  if (most) {
    const auto known = bytes_by_node_.find(node_of(of));
    const std::size_t of_node = known == bytes_by_node_.end() ? 0 : known->second;
    const std::size_t more = size_of(from);
    if (of_node + more > saga::share_of_one(*most) || bytes_of_others_ + more > *most) return false;
  }
  calls& all = waiting_[of];
  const std::size_t before = all.bytes;
  if (all.from.size() == most_of_request) {
    all.bytes -= size_of(all.from.front());
    all.from.erase(all.from.begin());
  }
  all.from.push_back(from.compact());
  all.bytes += size_of(all.from.back());
  all.kind = kind;
  all.is_counted = most.has_value();
  if (all.is_counted) count(node_of(of), before, all.bytes);
  return true;
}

std::optional<saga_callers::calls> saga_callers::take(const place& of) {
  const auto known = waiting_.find(of);
  if (known == waiting_.end()) return std::nullopt;
  calls taken = std::move(known->second);
  waiting_.erase(known);
  if (taken.is_counted) count(node_of(of), taken.bytes, 0);
  return taken;
}

std::map<saga_callers::place, saga_callers::calls> saga_callers::take_all() {
  bytes_by_node_.clear();
  bytes_of_others_ = 0;
  return std::exchange(waiting_, {});
}

void saga_callers::count(const std::string& node, std::size_t before, std::size_t now) {
  const auto its = bytes_by_node_.try_emplace(node).first;
  its->second += now - before;
  bytes_of_others_ += now - before;
  if (its->second == 0) bytes_by_node_.erase(its);
}

} // namespace coppice::behaviours
