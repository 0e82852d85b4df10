// SPDX-License-Identifier: MIT
// Notes the effects of a replicated state machine under test. In the test's thread.
#include <coppice/testing/raft_effects.hpp>

#include <chrono>
#include <optional>
#include <tuple>
#include <utility>

namespace coppice::testing {

namespace detail {

void raft_notes::begin(const coppice_entry& about) {
  before_ = {all_, last_timer_, last_monitor_};
  salt_ = static_cast<std::uint32_t>(about.random ^ (about.random >> 32));
  sent_.clear();
}

void raft_notes::undo() {
  std::tie(all_, last_timer_, last_monitor_) = before_;
  sent_.clear();
}

void raft_notes::restore(const raft_notes& of) {
  all_ = of.all_;
  last_timer_ = of.last_timer_;
  last_monitor_ = of.last_monitor_;
  sent_ = of.sent_;
}

value raft_notes::shown() const {
  using row = std::vector<value>;
  row timers;
  for (const auto& [id, one] : all_.timers)
    timers.push_back(
        std::tuple(id, one.due.count(), one.period.count(), one.to ? row{one.to} : row{}, one.term));
  row monitors;
  for (const auto& [reference, one] : all_.monitors)
    monitors.push_back(std::tuple(reference, one.whom, one.tag));
  row messages;
  for (const sent_message& one : sent_)
    messages.push_back(std::tuple(one.to, one.term, one.is_cast, one.flags));
  return std::tuple(std::pair(etf::atom{"timers"}, timers), std::pair(etf::atom{"monitors"}, monitors),
                    std::pair(etf::atom{"messages"}, messages));
}

std::optional<std::uint64_t> raft_notes::due(nanoseconds now) const {
  std::optional<std::uint64_t> first;
  for (const auto& [id, one] : all_.timers)
    if (one.due <= now && (!first || one.due < all_.timers.at(*first).due)) first = id;
  return first;
}

value raft_notes::fire(std::uint64_t id, nanoseconds now) {
  sent_.clear();
  const auto found = all_.timers.find(id);
  const timer fired = found->second;
  if (fired.period == nanoseconds(0))
    all_.timers.erase(found);
  else
    found->second.due += ((std::max(now, fired.due) - fired.due) / fired.period + 1) * fired.period;
  if (!fired.to) return fired.term;
  sent_.push_back({fired.to, fired.term, false, 0});
  return {};
}

value raft_notes::end(const value& reference, const value& reason) {
  const auto found = all_.monitors.find(reference);
  const monitored was = found->second;
  all_.monitors.erase(found);
  return std::tuple(was.tag.term(), reference.term(), etf::atom{"process"}, was.whom.term(), reason.term());
}

std::int32_t raft_notes::send(sent_message what) {
  if (sent_.size() >= most_messages) return COPPICE_E_MEMORY;
  sent_.push_back(std::move(what));
  return COPPICE_OK;
}

std::int32_t raft_notes::start(timer what, std::uint64_t& id) {
  if (what.due < earliest_deadline) {
    complain_of_callback(COPPICE_TIMER_1 "'s start",
                         " with a deadline of a monotonic clock: here it counts from 1970, as the entry's "
                         "time does");
    return COPPICE_E_CONTEXT;
  }
  if (is_full()) return COPPICE_E_MEMORY;
  what.id = id = first_timer + ++last_timer_;
  all_.timers.emplace(id, std::move(what));
  return COPPICE_OK;
}

std::int32_t raft_notes::cancel(std::uint64_t id) {
  return all_.timers.erase(id) != 0 ? COPPICE_OK : COPPICE_E_NOT_FOUND;
}

std::int32_t raft_notes::monitor(monitored what, value& reference) {
  if (is_full()) return COPPICE_E_MEMORY;
  if (!what.tag) what.tag = atom("DOWN");
  constexpr unsigned first_word_bits = 18;
  const std::uint64_t number = ++last_monitor_;
  reference = etf::reference{"coppice_raft@group",
                             1,
                             3,
                             {static_cast<std::uint32_t>(number & ((1u << first_word_bits) - 1)),
                              static_cast<std::uint32_t>(number >> first_word_bits), salt_}};
  all_.monitors.emplace(reference, std::move(what));
  return COPPICE_OK;
}

std::int32_t raft_notes::demonitor(const value& reference) {
  return all_.monitors.erase(reference) != 0 ? COPPICE_OK : COPPICE_E_NOT_FOUND;
}

} // namespace detail
} // namespace coppice::testing
