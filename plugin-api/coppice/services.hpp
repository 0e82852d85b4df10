// SPDX-License-Identifier: MIT
// What an actor can ask of its node's own processes, named as in OTP: groups of processes (pg), names that
// the whole cluster knows (global), children of a supervisor (coppice/children.hpp). Each object is made from
// the actor that uses it. It asks by a call, which parks the actor until the answer, for at most 5 s.
// Header-only. Only in the actor's callbacks that may call.
//
//   coppice::pg(*this).join("players");
#pragma once

#include <coppice/children.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace coppice {

/// A change of a group that an actor monitors, for handle_info. The members are valid until the callback
/// returns; a process that has joined twice leaves twice.
struct group_change {
  static constexpr etf::form etf_form = etf::form::tuple;
  /// The change that the members made.
  enum class kind { join, leave };

  term reference; // of pg::monitor()
  kind what = kind::join;
  term group;
  std::vector<term> members; // pids
};

/// Groups of processes. A group's name is any term; its members are processes on all nodes of the scope.
class pg {
 public:
  /// `scope`: one of the node's distribution.services.pg; calls to any other give COPPICE_E_NOPROC.
  explicit pg(actor& of, std::string_view scope = "pg") : of_(of), scope_(scope) {}

  /// Adds this actor, or another process of this node. A process that joins twice is a member twice.
  template <class Group>
  expected<detail::done, call_error> join(const Group& group) {
    return join(group, of_.self());
  }
  template <class Group>
  expected<detail::done, call_error> join(const Group& group, term pid) {
    return ask<detail::done>(std::tuple<etf::constant<"join_local">, const Group&, term>({}, group, pid));
  }
  /// COPPICE_E_REFUSED: the process is not a member.
  template <class Group>
  expected<detail::done, call_error> leave(const Group& group) {
    return leave(group, of_.self());
  }
  template <class Group>
  expected<detail::done, call_error> leave(const Group& group, term pid) {
    return ask<detail::done>(std::tuple<etf::constant<"leave_local">, const Group&, term>({}, group, pid));
  }
  /// The members on all nodes. A process that has joined twice is there twice.
  template <class Group>
  expected<std::vector<owned_pid>, call_error> members(const Group& group) {
    return ask<std::vector<owned_pid>>(std::tuple<etf::constant<"get_members">, const Group&>({}, group));
  }
  /// The members on all nodes at the time of monitor(), and the reference that its changes carry.
  using monitored = std::pair<owned_reference, std::vector<owned_pid>>;
  /// Reports the group's changes from now on: each comes to handle_info as a coppice::group_change.
  template <class Group>
  expected<monitored, call_error> monitor(const Group& group) {
    return ask<monitored>(std::tuple<etf::constant<"monitor">, const Group&>({}, group));
  }
  /// Ends a monitor. False: there is none with this reference. A change that is on its way still comes.
  expected<bool, call_error> demonitor(term reference) {
    using answered = std::variant<detail::done, etf::constant<"false">>;
    const auto got = of_.call<answered>(
        scope_, std::tuple<etf::constant<"demonitor">, term>(etf::constant<"demonitor">{}, reference));
    if (!got) return unexpected(got.error());
    return got->index() == 0;
  }
  /// The members on this node.
  template <class Group>
  expected<std::vector<owned_pid>, call_error> local_members(const Group& group) {
    return ask<std::vector<owned_pid>>(
        std::tuple<etf::constant<"get_local_members">, const Group&>({}, group));
  }

 private:
  // The scope refuses with {error, Why} or not_joined.
  template <class Reply, class Request>
  expected<Reply, call_error> ask(const Request& request) {
    using refused = std::variant<std::pair<detail::error_tag, owned_term>, etf::constant<"not_joined">>;
    auto got = of_.template call<Reply>(scope_, request);
    if (!got && got.error().status == COPPICE_E_TERM && got.error().reason.template as<refused>())
      return detail::refusal(std::move(got.error().reason));
    return got;
  }

  actor& of_;
  std::string scope_;
};

/// Names that every node of the cluster knows; a name is any term.
class global {
 public:
  explicit global(actor& of) : of_(of) {}

  /// Registers this actor. False: another process has the name.
  template <class Name>
  expected<bool, call_error> register_name(const Name& name) {
    return register_name(name, of_.self());
  }
  /// Registers a process of this node.
  template <class Name>
  expected<bool, call_error> register_name(const Name& name, term pid) {
    using answered = std::variant<etf::constant<"yes">, etf::constant<"no">>;
    const auto got = of_.call<answered>(
        server, std::tuple<etf::constant<"register_name">, const Name&, term>({}, name, pid));
    if (!got) return unexpected(got.error());
    return got->index() == 0;
  }
  /// Takes the name from any process that has it.
  template <class Name>
  expected<detail::done, call_error> unregister_name(const Name& name) {
    return of_.call<detail::done>(server,
                                  std::tuple<etf::constant<"unregister_name">, const Name&>({}, name));
  }
  /// The process that has the name. None: no process has it.
  template <class Name>
  expected<std::optional<owned_pid>, call_error> whereis_name(const Name& name) {
    return of_.call<std::optional<owned_pid>>(
        server, std::tuple<etf::constant<"whereis_name">, const Name&>({}, name));
  }

 private:
  static constexpr const char* server = "global_name_server";
  actor& of_;
};

} // namespace coppice
