// SPDX-License-Identifier: MIT
// The reports of a running node: copies, made without asking a process. Any thread; no function waits. The
// node outlives this.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "behaviours/supervision/tree.hpp"
#include "node/changes/apply_history.hpp"
#include "node/shown/snapshot.hpp"
#include "runtime/inspectable.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::metrics {
class board;
}

namespace coppice::node {

struct components;

class snapshots {
 public:
  explicit snapshots(components& of) : of_(of) {}
  snapshots(const snapshots&) = delete;
  snapshots& operator=(const snapshots&) = delete;

  node_status status() const;
  // The status, with parts that are found outside the node: what the configuration's files say, and whether
  // descriptors run out. Reads files when they have changed: not on a worker's thread.
  node_status status_with_disk() const;
  // All applications in start order, or the one of that name. errc::not_found.
  base::result<std::vector<application_tree>> tree(std::string_view application = {}) const;
  // The paths of the children that failed too often and stay down, in start order. While there are any the
  // node is degraded.
  std::vector<std::string> degraded() const;
  std::vector<runtime::process_summary> processes() const;
  // Takes the forms of resolve(), of which only those that name a process of this node are good, and interns
  // nothing. errc::not_found, errc::invalid. requests::info() also takes global:NAME.
  base::result<runtime::process_info> info(std::string_view process) const;
  base::result<runtime::process_info> info(const runtime::destination& process) const;
  // How earlier runs of a supervised process ended, the latest last. Empty: other processes.
  std::vector<behaviours::child_end> ends_of(const runtime::process_info& process) const;
  // Whether the process runs an engine of this daemon, which answers requests::state_of(): an actor of a
  // plugin, a supervisor, or another child of a supervisor.
  bool runs_engine(const runtime::process_info& process) const;
  std::vector<peer_status> peers() const;
  // The nodes of distribution.peers that are not connected, sorted.
  std::vector<std::string> peers_away() const;
  std::vector<plugin_status> plugins() const;
  // The counters of its engines, actors' types, plugins and parts.
  const metrics::board& counted() const;
  // The applied configurations, the oldest first. Reads a file.
  std::vector<applied_entry> history() const;
  // The file of the cookie. Empty: it came from elsewhere.
  const std::string& cookie_file() const;
  // The Erlang text of a pid, as this node writes it.
  std::string text_of(const runtime::pid& pid) const;

  // Reads a term as people write it: <0.N.S> is a pid of this node. errc::invalid says where it went wrong.
  base::result<runtime::message> parse(std::string_view term) const;
  // Takes NAME, NAME@ALIVE@HOST, {NAME, 'NODE'}, a pid, or APP/SUP/CHILD for a child of the tree that has no
  // registered name. The name of another node is interned. errc::invalid, errc::not_found, errc::limit.
  // requests::resolve() also takes global:NAME.
  base::result<runtime::destination> resolve(std::string_view target) const;

 private:
  // The child of the tree that `target` names by its path; `read`, what was read of the target, unless it is
  // such a path.
  base::result<runtime::destination> child_of_path(std::string_view target,
                                                   base::result<runtime::destination> read) const;

  components& of_;
};

} // namespace coppice::node
