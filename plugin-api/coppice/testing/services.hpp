// SPDX-License-Identifier: MIT
// The node's own processes that coppice/services.hpp and coppice/children.hpp ask, for tests: a scope of
// process groups, and a supervisor whose children are only noted. Each is served among the neighbours of the
// actor under test; the test sees what they hold, and plays the rest of the cluster.
//
//   pg_in_test groups;
//   supervisor_in_test games("games");
//   neighbours others;
//   groups.serve(others);
//   games.serve(others);
//   actor chat(plugin::linked(), {.among = others});
//   groups.join(std::string("room"), pid);   // a process elsewhere joins; chat is told if it monitors
//
// Header-only. In the test's thread. The actors end before these objects.
#pragma once

#include <algorithm>
#include <functional>
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
/// The keys of a child specification that a supervisor_in_test reads.
struct child_outline {
  static constexpr auto etf_form = etf::form::map;
  value id, start;
};
/// The arguments in {coppice, start_link, [What, Args]}. Empty: it is no such term.
inline std::vector<value> start_arguments(const value& start) {
  std::vector<value> all;
  etf::cursor at(start.bytes());
  std::uint32_t length = 0;
  if (!at.read_tuple_of(3) || !at.skip() || !at.skip() || !at.read_list(length)) return all;
  etf::bytes one;
  for (; length != 0 && at.read_term(one); --length) all.push_back(value::of(one));
  return all;
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

/// A child that an actor has started under a supervisor_in_test.
struct supervised {
  value id;
  std::string actor; ///< "PLUGIN:ACTOR"; `supervisor` for a supervisor; empty: of the template
  value args;        ///< of a child of the template: the term that is merged over its args
  value spec;        ///< the whole child specification. None: of the template
  value pid;         ///< none: it has been terminated, or has ended
};

/// A supervisor of the node, whose children do not run: it notes them and gives each a pid.
class supervisor_in_test {
 public:
  explicit supervisor_in_test(std::string_view name, std::string_view node = "test@localhost")
      : name_(name), node_(node) {}
  supervisor_in_test(const supervisor_in_test&) = delete;
  supervisor_in_test& operator=(const supervisor_in_test&) = delete;

  /// Answers calls to the supervisor's name there.
  void serve(neighbours& among) {
    among.serve(name_, [this](const value& asked) { return replies(answer_to(asked)); });
  }
  /// Decides which children do not start: a term is the reason.
  void refuse(std::function<value(const supervised&)> why) { why_ = std::move(why); }

  /// In the order of their starts.
  const std::vector<supervised>& children() const { return children_; }
  /// The child with this id, or with this pid. Null: there is none.
  const supervised* find(const value& id) const {
    const auto found = std::ranges::find_if(
        children_, [&id](const supervised& each) { return each.id == id || each.pid == id; });
    return found == children_.end() ? nullptr : &*found;
  }
  /// The child has ended and is not started again.
  void end(const value& id) {
    if (supervised* const found = find_here(id)) ended(*found);
  }

 private:
  template <etf::fixed_text Word>
  using two = std::pair<etf::constant<Word>, value>;

  supervised* find_here(const value& id) {
    const supervised* const found = find(id);
    return found == nullptr ? nullptr : &children_[static_cast<std::size_t>(found - children_.data())];
  }
  void ended(supervised& child) {
    if (child.spec)
      child.pid = {};
    else
      std::erase_if(children_, [pid = child.pid](const supervised& each) { return each.pid == pid; });
  }

  value answer_to(const value& asked) {
    using detail::request_as;
    if (const auto what = request_as<two<"start_child">>(asked)) return start(what->second);
    if (const auto what = request_as<two<"restart_child">>(asked)) {
      supervised* const found = find_here(what->second);
      if (found == nullptr) return detail::error_of(atom("not_found"));
      return found->pid ? detail::error_of(atom("running")) : begin(*found);
    }
    if (const auto what = request_as<two<"terminate_child">>(asked)) {
      supervised* const found = find_here(what->second);
      if (found == nullptr) return detail::error_of(atom("not_found"));
      ended(*found);
      return atom("ok");
    }
    if (const auto what = request_as<two<"delete_child">>(asked)) {
      const supervised* const found = find(what->second);
      if (found == nullptr) return detail::error_of(atom("not_found"));
      if (found->pid) return detail::error_of(atom("running"));
      children_.erase(children_.begin() + (found - children_.data()));
      return atom("ok");
    }
    if (asked == atom("which_children")) return listed();
    return detail::error_of(atom("badarg"));
  }
  value start(const value& asked) {
    supervised made;
    if (const auto more = detail::request_as<std::vector<value>>(asked)) {
      made.args = more->empty() ? value() : more->front();
    } else {
      detail::child_outline spec; // read in place: a value can be made of anything, so also of this struct
      etf::mismatch why;
      etf::cursor at(asked.bytes());
      std::vector<value> words;
      if (etf::read(at, spec, why)) words = detail::start_arguments(spec.start);
      if (words.empty()) return detail::error_of(atom("badarg"));
      if (const supervised* const other = find(spec.id))
        return detail::error_of(other->pid ? std::pair(etf::atom{"already_started"}, other->pid.term())
                                           : value(atom("already_present")));
      made.id = spec.id;
      made.actor = std::string(words.front().as<etf::atom>().name);
      if (words.size() > 1) made.args = words[1];
      made.spec = asked;
    }
    if (const value why = why_ ? why_(made) : value()) return detail::error_of(why);
    children_.push_back(std::move(made));
    return begin(children_.back());
  }
  value begin(supervised& child) {
    child.pid = detail::fresh_pid(node_);
    if (!child.spec) child.id = child.pid;
    return std::pair(etf::atom{"ok"}, child.pid.term());
  }
  value listed() const {
    std::vector<std::tuple<value, value, etf::atom, std::vector<value>>> all;
    for (const supervised& each : children_) {
      const bool of_template = !each.spec;
      all.emplace_back(of_template ? value(atom("undefined")) : each.id,
                       each.pid ? each.pid : value(atom("undefined")),
                       etf::atom{each.actor == "supervisor" ? "supervisor" : "worker"}, std::vector<value>());
    }
    return all;
  }

  const std::string name_, node_;
  std::vector<supervised> children_;
  std::function<value(const supervised&)> why_;
};

} // namespace coppice::testing
