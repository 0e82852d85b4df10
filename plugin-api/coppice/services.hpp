// SPDX-License-Identifier: MIT
// What an actor asks of its node's own processes, with OTP's words: groups of processes (pg), names that the
// whole cluster knows (global), children of a supervisor. Each is made of the actor where it is used and asks
// by a call, so it parks the actor for as long as an answer takes, at most 5 s. Header-only; only in the
// actor's own callbacks that may call.
//
//   coppice::pg(*this).join("players");
//   coppice::supervisor_of(*this, "games").start_child("shop:game", settings{2}, {.id = "first"});
#pragma once

#include <coppice/actor.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace coppice {

namespace detail {
using done = etf::constant<"ok">;
using error_tag = etf::constant<"error">;

/// {error, Reason} as a call_error.
inline tl::unexpected<call_error> refusal(owned_term reason) {
  return tl::unexpected(call_error{COPPICE_E_REFUSED, std::move(reason), {}});
}
} // namespace detail

/// Groups of processes: a group is any term, its members are processes of all nodes of the scope.
class pg {
 public:
  /// `scope`: one of the node's distribution.services.pg; calls to any other are COPPICE_E_NOPROC.
  explicit pg(actor& of, std::string_view scope = "pg") : of_(of), scope_(scope) {}

  /// This actor, or another process of this node; as often as it joins it is a member.
  template <class Group>
  expected<detail::done, call_error> join(const Group& group) {
    return join(group, of_.self());
  }
  template <class Group>
  expected<detail::done, call_error> join(const Group& group, term pid) {
    return ask<detail::done>(std::tuple<etf::constant<"join_local">, const Group&, term>({}, group, pid));
  }
  /// COPPICE_E_REFUSED: it is no member.
  template <class Group>
  expected<detail::done, call_error> leave(const Group& group) {
    return leave(group, of_.self());
  }
  template <class Group>
  expected<detail::done, call_error> leave(const Group& group, term pid) {
    return ask<detail::done>(std::tuple<etf::constant<"leave_local">, const Group&, term>({}, group, pid));
  }
  template <class Group>
  expected<std::vector<owned_pid>, call_error> members(const Group& group) {
    return ask<std::vector<owned_pid>>(std::tuple<etf::constant<"get_members">, const Group&>({}, group));
  }
  template <class Group>
  expected<std::vector<owned_pid>, call_error> local_members(const Group& group) {
    return ask<std::vector<owned_pid>>(
        std::tuple<etf::constant<"get_local_members">, const Group&>({}, group));
  }

 private:
  // The scope refuses by {error, Why} and by not_joined.
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

/// Names that every node of the cluster knows; any term is one.
class global {
 public:
  explicit global(actor& of) : of_(of) {}

  /// This actor's; false: another process has it.
  template <class Name>
  expected<bool, call_error> register_name(const Name& name) {
    return register_name(name, of_.self());
  }
  /// A process of this node.
  template <class Name>
  expected<bool, call_error> register_name(const Name& name, term pid) {
    using answered = std::variant<etf::constant<"yes">, etf::constant<"no">>;
    const auto got = of_.call<answered>(
        server, std::tuple<etf::constant<"register_name">, const Name&, term>({}, name, pid));
    if (!got) return tl::unexpected(got.error());
    return got->index() == 0;
  }
  template <class Name>
  expected<detail::done, call_error> unregister_name(const Name& name) {
    return of_.call<detail::done>(server,
                                  std::tuple<etf::constant<"unregister_name">, const Name&>({}, name));
  }
  /// Whose it is; none: nobody's.
  template <class Name>
  expected<std::optional<owned_pid>, call_error> whereis_name(const Name& name) {
    return of_.call<std::optional<owned_pid>>(
        server, std::tuple<etf::constant<"whereis_name">, const Name&>({}, name));
  }

 private:
  static constexpr const char* server = "global_name_server";
  actor& of_;
};

/// How a child is kept; as a child's keys of the configuration.
struct child_options {
  std::string id = {};               ///< among its siblings; empty: the actor's name
  std::string restart = "permanent"; ///< or transient, temporary
  std::chrono::milliseconds shutdown = 5s;
};

/// The children of a supervisor: of this node's, or of another's where that node's
/// distribution.allow.supervise names it. Not of the actor's own supervisor from init, which that one waits
/// for.
class supervisor_of {
 public:
  supervisor_of(actor& of, destination supervisor) : of_(of), supervisor_(std::move(supervisor)) {}

  /// Starts `actor_name`, "PLUGIN:ACTOR" or "PLUGIN" of a plugin that the node has loaded, and waits for its
  /// init. The pid; none: it said that there is nothing to run. COPPICE_E_REFUSED: the supervisor's reason.
  template <class Args>
  expected<std::optional<owned_pid>, call_error> start_child(std::string_view actor_name, const Args& args,
                                                             const child_options& how = {}) {
    message_writer request;
    request.tuple(2);
    request.atom("start_child");
    request.tuple(6);
    etf::encode(request, etf::atom{how.id.empty() ? actor_name : std::string_view(how.id)});
    request.tuple(3);
    request.atom("coppice");
    request.atom("start_link");
    request.list(2);
    etf::encode(request, etf::atom{actor_name});
    etf::encode(request, args);
    request.nil();
    etf::encode(request, etf::atom{how.restart});
    etf::encode(request, how.shutdown.count());
    request.atom("worker");
    request.list(1);
    etf::encode(request, etf::atom{actor_name.substr(0, actor_name.find(':'))});
    request.nil();
    return started(request.take());
  }
  /// One more of a simple_one_for_one's template: `extra`, a map, is merged over its args.
  template <class Extra>
  expected<std::optional<owned_pid>, call_error> start_child(const Extra& extra) {
    message_writer request;
    request.tuple(2);
    request.atom("start_child");
    request.list(1);
    etf::encode(request, extra);
    request.nil();
    return started(request.take());
  }
  /// By its id; of a simple_one_for_one by its pid.
  expected<detail::done, call_error> terminate_child(std::string_view id) {
    return asked(std::pair(etf::constant<"terminate_child">{}, etf::atom{id}));
  }
  expected<detail::done, call_error> terminate_child(const owned_pid& pid) {
    return asked(std::pair(etf::constant<"terminate_child">{}, pid.term()));
  }
  /// Forgets one that is terminated.
  expected<detail::done, call_error> delete_child(std::string_view id) {
    return asked(std::pair(etf::constant<"delete_child">{}, etf::atom{id}));
  }

 private:
  using failed = std::pair<detail::error_tag, owned_term>;

  expected<std::optional<owned_pid>, call_error> started(const message& request) {
    using made = std::pair<detail::done, std::optional<owned_pid>>;
    auto got = of_.call<std::variant<made, failed>>(supervisor_, request);
    if (!got) return tl::unexpected(std::move(got.error()));
    if (auto* const why = std::get_if<failed>(&*got)) return detail::refusal(std::move(why->second));
    return std::move(std::get<made>(*got).second);
  }
  template <class Request>
  expected<detail::done, call_error> asked(const Request& request) {
    auto got = of_.call<std::variant<detail::done, failed>>(supervisor_, request);
    if (!got) return tl::unexpected(std::move(got.error()));
    if (auto* const why = std::get_if<failed>(&*got)) return detail::refusal(std::move(why->second));
    return detail::done{};
  }

  actor& of_;
  destination supervisor_;
};

} // namespace coppice
