// SPDX-License-Identifier: MIT
// A scope of process groups, which coppice/services.hpp asks, for tests. It is served among the neighbours of
// the actor under test; the test sees what it holds, and plays the rest of the cluster.
//
//   pg_in_test groups;
//   neighbours others;
//   groups.serve(others);
//   actor chat(plugin::linked(), {.among = others});
//   groups.join(std::string("room"), pid);   // a process elsewhere joins; chat is told if it monitors
//
// In the test's thread. The actors end before these objects.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <coppice/testing.hpp>

namespace coppice::testing {

namespace detail {

/// Reads a request as an M. Empty: it is not one.
template <class M>
std::optional<M> request_as(const value& asked) {
  auto read = etf::decode<M>(asked.bytes());
  if (!read) return std::nullopt;
  return std::move(*read);
}

} // namespace detail

/// A scope of process groups. A member stays one until it leaves: the test says when a process has ended.
class pg_in_test {
 public:
  explicit pg_in_test(std::string_view scope = "pg", std::string_view node = "test@localhost");
  pg_in_test(const pg_in_test&) = delete;
  pg_in_test& operator=(const pg_in_test&) = delete;

  /// Answers calls to the scope's name there.
  void serve(neighbours& among);

  /// A process joins, once more if it is a member. Actors that monitor the group are told.
  void join(const value& group, const value& pid);
  /// A process leaves or has ended. False: it was no member.
  bool leave(const value& group, const value& pid);
  /// In the order in which they joined.
  std::vector<value> members(const value& group) const;
  /// How many monitors of the group there are.
  std::size_t watchers(const value& group) const;

 private:
  struct watcher {
    value pid, group;
  };
  template <etf::fixed_text Word>
  using two = std::pair<etf::constant<Word>, value>;
  template <etf::fixed_text Word>
  using three = std::tuple<etf::constant<Word>, value, value>;

  value answer_to(const value& asked);
  void tell(std::string_view change, const value& group, const value& pid);

  const std::string scope_, node_;
  std::map<value, std::vector<value>> groups_;
  std::map<value, watcher> watchers_; // by the reference of the monitor
};

} // namespace coppice::testing
