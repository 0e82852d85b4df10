// SPDX-License-Identifier: MIT
// A scope of process groups in its protocol, as a node's pg answers it. In the test's thread.
#include <coppice/testing/services.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

#include <coppice/testing/calls.hpp>

namespace coppice::testing {

namespace detail {

namespace {

/// The living actor with this pid. Null: none.
world* world_with(const value& pid) {
  const std::scoped_lock held(worlds.lock);
  const auto found = std::ranges::find_if(
      worlds.all, [&pid](const world* each) { return each->self == pid && !each->dead; });
  return found == worlds.all.end() ? nullptr : *found;
}
value error_of(const value& why) {
  return std::pair(etf::atom{"error"}, why.term());
}

} // namespace

} // namespace detail
pg_in_test::pg_in_test(std::string_view scope, std::string_view node) : scope_(scope), node_(node) {}

void pg_in_test::serve(neighbours& among) {
  among.serve(scope_, [this](const value& asked) { return replies(answer_to(asked)); });
}

void pg_in_test::join(const value& group, const value& pid) {
  groups_[group].push_back(pid);
  tell("join", group, pid);
}

bool pg_in_test::leave(const value& group, const value& pid) {
  auto& members = groups_[group];
  const auto found = std::ranges::find(members, pid);
  if (found == members.end()) return false;
  members.erase(found);
  tell("leave", group, pid);
  return true;
}

std::vector<value> pg_in_test::members(const value& group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? std::vector<value>() : found->second;
}

std::size_t pg_in_test::watchers(const value& group) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(watchers_, [&](const auto& each) { return each.second.group == group; }));
}

value pg_in_test::answer_to(const value& asked) {
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

void pg_in_test::tell(std::string_view change, const value& group, const value& pid) {
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

} // namespace coppice::testing
