// SPDX-License-Identifier: MIT
// One scope of `pg`, registered under its name: this node's part in groups of processes that every node of
// the scope knows. To its peers it behaves as OTP's pg: a discovery is answered by a sync of all local
// members, and afterwards both sides report every join and leave. Unknown messages are ignored. In the
// process's own turn.
//
// Calls, as OTP's functions make them: {join_local, Group, PidOrPids}, {leave_local, Group, PidOrPids},
// monitor, {monitor, Group}, {demonitor, Ref}. And, where OTP reads a table of its own node: {get_members,
// Group}, {get_local_members, Group}, which_groups, which_local_groups.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "behaviours/gen/native_server.hpp"
#include "dist/router.hpp"
#include "services/peers/peer_bounds.hpp"
#include "services/pg/groups.hpp"

namespace coppice::services {

class pg_scope : public behaviours::native_server {
 public:
  // `visible`: this node is visible, so other nodes' scopes are told of it.
  pg_scope(std::string name, bool visible, dist::router& router, const peer_bounds& bounds)
      : native_server("pg"), name_(std::move(name)), visible_(visible), router_(router), bounds_(bounds) {}
  std::optional<behaviours::peer_requests> from_peers() const override;

  // Asks `to`, the scope of that name on another node, for its members. Any thread.
  static void discover(runtime::system& system, const runtime::pid& scope, const runtime::destination& to);

 protected:
  runtime::outcome on_start(runtime::process& self) override;
  call_answer handle_call(runtime::process& self, const runtime::message& from,
                          const runtime::message& request) override;
  runtime::outcome handle_cast(runtime::process& self, const runtime::message& request) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;

 private:
  // The purpose of a monitor.
  struct watch {
    enum class kind : std::uint8_t { member, peer, scope_watcher, group_watcher };
    kind what = kind::member;
    runtime::pid who;
    std::string group; // for a group_watcher
  };
  using watch_table = std::unordered_map<runtime::reference, watch, runtime::reference_hash>;
  using pids = std::vector<runtime::pid>;

  call_answer join_local(runtime::process& self, etf::cursor at);
  call_answer leave_local(runtime::process& self, etf::cursor at);
  call_answer watch_scope(runtime::process& self, const runtime::pid& watcher);
  call_answer watch_group(runtime::process& self, const runtime::pid& watcher, etf::bytes group);
  call_answer stop_watching(runtime::process& self, etf::cursor at);
  // False: the processes of its node have as many watches as they may.
  bool may_watch(const runtime::pid& watcher, etf::bytes group) const;
  // Empty: not a request for a list.
  std::optional<runtime::message> list(runtime::process& self, std::string_view what, etf::cursor at);

  void on_discover(runtime::process& self, const runtime::pid& peer);
  void on_sync(runtime::process& self, const runtime::pid& peer, etf::cursor at);
  void on_join(runtime::process& self, const runtime::pid& peer, etf::cursor at);
  void on_leave(runtime::process& self, const runtime::pid& peer, etf::cursor at);
  void on_down(runtime::process& self, etf::cursor at);
  void member_ended(runtime::process& self, const runtime::pid& who);
  void peer_ended(runtime::process& self, const runtime::pid& peer);

  bool known(const runtime::pid& peer) const { return peers_.contains(peer); }
  std::string too_many() const; // why a node is disconnected
  std::string too_long() const;
  bool join_all(pg_groups& into, etf::bytes group, const pids& who) const;
  // False: its node has been lost since the message.
  bool meet(runtime::process& self, const runtime::pid& peer);
  void tell_peers(runtime::process& self, const runtime::message& m);
  void count_watch(const watch& made);
  void stop_watch(watch_table::iterator at);
  void tell_watchers(runtime::process& self, std::string_view what, etf::bytes group, const pids& who);
  // A pid or a proper list of pids, all of that node. Empty: another term, which `at` is then at.
  std::optional<pids> read_pids(runtime::process& self, etf::cursor& at, std::uint32_t node);
  void write_pids(runtime::process& self, etf::writer& out, const pids& who);

  std::string name_;
  bool visible_;
  dist::router& router_;
  const peer_bounds bounds_;
  portions work_; // of this process, once it has started
  pg_groups groups_{work_};
  watch_table watches_;
  node_counts watchers_; // watches of other nodes' processes
  runtime::kept_memory watchers_memory_;
  std::unordered_map<runtime::reference, runtime::pid, runtime::reference_hash>
      scope_watchers_; // entries of watches_
  std::unordered_map<std::uint64_t, std::unordered_set<runtime::reference, runtime::reference_hash>>
      group_watchers_; // by the hash of the group
  std::unordered_map<runtime::pid, runtime::reference, runtime::pid_hash>
      members_; // local members, and their monitors
  std::unordered_map<runtime::pid, runtime::reference, runtime::pid_hash> peers_; // and their monitors
};

} // namespace coppice::services
