// SPDX-License-Identifier: MIT
// Reads the options of a stage under test, and of its subscriptions, as a node does. In the
// test's thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coppice/testing/stage_dispatch.hpp>

namespace coppice::testing::detail {

/// The elements of a proper list. False: not a proper list.
bool read_events(const value& list, std::deque<value>& out);

/// Reads the options of `one` into it. False: they are wrong.
bool read_subscription(staged_link& one);

/// The options of a stage.
struct staged_options {
  explicit staged_options(std::string_view role);

  std::unique_ptr<staged_dispatcher> dispatcher;
  std::uint64_t buffer_size = 10'000;
  std::uint64_t demand_step = 10'000;
  bool keeps_first = false;
  bool accumulates = false;
  std::vector<std::pair<value, value>> subscribe_to; ///< producers, with options

  /// False: a stage of this role has no such options. Options from init have precedence over those read
  /// later.
  bool read(std::string_view role, const value& options, bool in_init);

 private:
  bool read_one(std::string_view role, std::string_view key, const value& how);
  bool read_subscriptions(const value& list);
  bool read_dispatcher(const value& how);
  bool read_partitions(const std::optional<value>& how);

  std::set<std::string, std::less<>> said_; // keys given by init
};

} // namespace coppice::testing::detail
