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
// Header-only. In the test's thread. The actors end before these objects.
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

/// The living actor with this pid. Null: none.
inline world* world_with(const value& pid) {
  const std::scoped_lock held(worlds.lock);
  const auto found = std::ranges::find_if(
      worlds.all, [&pid](const world* each) { return each->self == pid && !each->dead; });
  return found == worlds.all.end() ? nullptr : *found;
}
/// Reads a request as an M. Empty: it is not one.
template <class M>
std::optional<M> request_as(const value& asked) {
  auto read = etf::decode<M>(asked.bytes());
  if (!read) return std::nullopt;
  return std::move(*read);
}
inline value error_of(const value& why) {
  return std::pair(etf::atom{"error"}, why.term());
}

} // namespace detail

/// A scope of process groups. A member stays one until it leaves: the test says when a process has ended.
class pg_in_test {
 public:
  explicit pg_in_test(std::string_view scope = "pg", std::string_view node = "test@localhost")
      : scope_(scope), node_(node) {}
  pg_in_test(const pg_in_test&) = delete;
  pg_in_test& operator=(const pg_in_test&) = delete;

  /// Answers calls to the scope's name there.
  void serve(neighbours& among) {
    among.serve(scope_, [this](const value& asked) { return replies(answer_to(asked)); });
  }

  /// A process joins, once more if it is a member. Actors that monitor the group are told.
  void join(const value& group, const value& pid) {
    groups_[group].push_back(pid);
    tell("join", group, pid);
  }
  /// A process leaves or has ended. False: it was no member.
  bool leave(const value& group, const value& pid) {
    auto& members = groups_[group];
    const auto found = std::ranges::find(members, pid);
    if (found == members.end()) return false;
    members.erase(found);
    tell("leave", group, pid);
    return true;
  }
  /// In the order in which they joined.
  std::vector<value> members(const value& group) const {
    const auto found = groups_.find(group);
    return found == groups_.end() ? std::vector<value>() : found->second;
  }
  /// How many monitors of the group there are.
  std::size_t watchers(const value& group) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(watchers_, [&](const auto& each) { return each.second.group == group; }));
  }

 private:
  struct watcher {
    value pid, group;
  };
  template <etf::fixed_text Word>
  using two = std::pair<etf::constant<Word>, value>;
  template <etf::fixed_text Word>
  using three = std::tuple<etf::constant<Word>, value, value>;

  value answer_to(const value& asked) {
    using detail::request_as;
    if (const auto what = request_as<three<"join_local">>(asked)) {
      join(std::get<1>(*what), std::get<2>(*what));
      return atom("ok");
    }
    if (const auto what = request_as<three<"leave_local">>(asked))
      return atom(leave(std::get<1>(*what), std::get<2>(*what)) ? "ok" : "not_joined");
    if (const auto what = request_as<two<"get_members">>(asked)) return members(what->second);
    if (const auto what = request_as<two<"get_local_members">>(asked)) {
      auto local = members(what->second);
      std::erase_if(local, [this](const value& each) { return detail::node_of(each) != node_; });
      return local;
    }
    if (const auto what = request_as<two<"monitor">>(asked)) {
      const detail::world* const by = detail::current != nullptr ? detail::current : detail::latest.load();
      const value reference = detail::fresh_reference(node_);
      watchers_[reference] = {by == nullptr ? value() : by->self, what->second};
      return std::pair(reference, members(what->second));
    }
    if (const auto what = request_as<two<"demonitor">>(asked))
      return atom(watchers_.erase(what->second) != 0 ? "ok" : "false");
    return detail::error_of(atom("badarg"));
  }
  void tell(std::string_view change, const value& group, const value& pid) {
    const auto all = watchers_; // an actor that is told may end its monitor
    for (const auto& [reference, each] : all) {
      if (each.group != group) continue;
      detail::world* const to = detail::world_with(each.pid);
      if (to == nullptr) continue;
      detail::put(*to, {detail::delivery::info,
                        std::tuple(reference, etf::atom{change}, group, std::vector<value>{pid})});
      to->go_on();
    }
  }

  const std::string scope_, node_;
  std::map<value, std::vector<value>> groups_;
  std::map<value, watcher> watchers_; // by the reference of the monitor
};

} // namespace coppice::testing
