// SPDX-License-Identifier: MIT
// The effects of a replicated state machine under test: what apply and apply_info have asked for, as one
// member of the group keeps it. Nothing of it happens by itself: <coppice/testing/raft.hpp> lets timers fire
// and processes end. Header-only. In the test's thread.
#pragma once

#include <coppice/draft/raft.h>
#include <coppice/timer.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <coppice/testing/rules.hpp>

namespace coppice::testing {

/// The timers and monitors of a group; `timer::due` is the time since 1970.
struct group_effects {
  std::map<std::uint64_t, timer> timers = {};
  std::map<value, monitored> monitors = {}; ///< by reference
};

namespace detail {

class raft_notes final : public effect_notes {
 public:
  // The bounds of the host, see coppice/draft/raft.h.
  static constexpr std::size_t most_messages = 10'000;
  static constexpr std::size_t most_kept = 100'000;
  static constexpr nanoseconds earliest_deadline = std::chrono::seconds(1'000'000'000);
  static constexpr std::uint64_t first_timer = std::uint64_t{1} << 62;

  /// Of one entry: the rest is what earlier entries have set.
  void begin(const coppice_entry& about) {
    before_ = {all_, last_timer_, last_monitor_};
    salt_ = static_cast<std::uint32_t>(about.random ^ (about.random >> 32));
    sent_.clear();
  }
  void undo() {
    std::tie(all_, last_timer_, last_monitor_) = before_;
    sent_.clear();
  }
  /// As a member that was restored from a snapshot of `of`.
  void restore(const raft_notes& of) {
    all_ = of.all_;
    last_timer_ = of.last_timer_;
    last_monitor_ = of.last_monitor_;
    sent_ = of.sent_;
  }

  const group_effects& all() const { return all_; }
  const std::vector<sent_message>& sent() const { return sent_; }
  /// Everything, as a term that shows a difference between members.
  value shown() const {
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

  /// The timer that fires next, if it is due at `now`, since 1970.
  std::optional<std::uint64_t> due(nanoseconds now) const {
    std::optional<std::uint64_t> first;
    for (const auto& [id, one] : all_.timers)
      if (one.due <= now && (!first || one.due < all_.timers.at(*first).due)) first = id;
    return first;
  }
  /// A timer fires at `now`. The term for apply_info; none: it was sent to another process.
  value fire(std::uint64_t id, nanoseconds now) {
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
  /// A monitored process ends. The term for apply_info.
  value end(const value& reference, const value& reason) {
    const auto found = all_.monitors.find(reference);
    const monitored was = found->second;
    all_.monitors.erase(found);
    return std::tuple(was.tag.term(), reference.term(), etf::atom{"process"}, was.whom.term(), reason.term());
  }

  std::int32_t send(sent_message what) override {
    if (sent_.size() >= most_messages) return COPPICE_E_MEMORY;
    sent_.push_back(std::move(what));
    return COPPICE_OK;
  }
  std::int32_t start(timer what, std::uint64_t& id) override {
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
  std::int32_t cancel(std::uint64_t id) override {
    return all_.timers.erase(id) != 0 ? COPPICE_OK : COPPICE_E_NOT_FOUND;
  }
  std::int32_t monitor(monitored what, value& reference) override {
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
  std::int32_t demonitor(const value& reference) override {
    return all_.monitors.erase(reference) != 0 ? COPPICE_OK : COPPICE_E_NOT_FOUND;
  }

 private:
  bool is_full() const { return all_.timers.size() + all_.monitors.size() >= most_kept; }

  group_effects all_;
  std::vector<sent_message> sent_; // by the last entry
  std::uint64_t last_timer_ = 0, last_monitor_ = 0;
  std::tuple<group_effects, std::uint64_t, std::uint64_t> before_;
  std::uint32_t salt_ = 0;
};

} // namespace detail
} // namespace coppice::testing
