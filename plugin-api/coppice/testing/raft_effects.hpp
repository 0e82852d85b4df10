// SPDX-License-Identifier: MIT
// The effects of a replicated state machine under test: what apply and apply_info have asked for, as one
// member of the group keeps it. Nothing of it happens by itself: <coppice/testing/raft.hpp> lets timers fire
// and processes end. In the test's thread.
#pragma once

#include <coppice/draft/raft.h>
#include <coppice/timer.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
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

  /// Begins one entry: everything else was set by earlier entries.
  void begin(const coppice_entry& about);
  void undo();
  /// As a member that was restored from a snapshot of `of`.
  void restore(const raft_notes& of);

  const group_effects& all() const { return all_; }
  const std::vector<sent_message>& sent() const { return sent_; }
  /// Everything, as a term that shows a difference between members.
  value shown() const;

  /// The timer that fires next, if it is due at `now`, since 1970.
  std::optional<std::uint64_t> due(nanoseconds now) const;
  /// A timer fires at `now`. The term for apply_info; none: it was sent to another process.
  value fire(std::uint64_t id, nanoseconds now);
  /// A monitored process ends. The term for apply_info.
  value end(const value& reference, const value& reason);

  std::int32_t send(sent_message what) override;
  std::int32_t start(timer what, std::uint64_t& id) override;
  std::int32_t cancel(std::uint64_t id) override;
  std::int32_t monitor(monitored what, value& reference) override;
  std::int32_t demonitor(const value& reference) override;

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
