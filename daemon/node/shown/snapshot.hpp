// SPDX-License-Identifier: MIT
// The reports of a node: plain copies for the control socket, metrics and the banner, made from published
// counters and tables without asking a worker. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "behaviours/journal/journal.hpp"
#include "behaviours/supervision/tree.hpp"
#include "node/shown/change_line.hpp"
#include "node/shown/life_record.hpp"
#include "runtime/attribution.hpp"
#include "runtime/inspectable.hpp"

namespace coppice::node {

enum class node_state : std::uint8_t {
  starting, // until every application has started
  running,
  reloading,
  stopping,
};
std::string_view text(node_state state);

struct application_status {
  std::string name;
  std::string type;        // permanent, transient, temporary
  std::string state;       // waiting, starting, running, stopping, stopped, failed
  std::string reason;      // why it stopped or failed, as Erlang text. Empty: it did not
  runtime::pid pid;        // of its top supervisor. Null unless running
  base::nanos started = 0; // wall clock. 0: not yet
};

// A certificate that the node shows to other nodes, or one of its listeners to clients.
struct certificate_status {
  std::string file;
  base::nanos ends = 0; // wall clock
  bool soon = false;    // it ends within two weeks, or has ended
  std::string unused{}; // why the present files are not used, so that former ones are. Empty: they are used
};

// Something that an operator has switched off although the configuration has it on.
struct switched_off {
  std::string what; // listener: suspended; child: terminated; job: disabled
  std::string name; // its path, or the job's name
};

// Compares the files of the configuration with what runs.
struct configuration_on_disk {
  enum class verdict : std::uint8_t {
    same,
    differs, // an apply would change something, or refuse to
    refused, // a start would fail because of it
  };
  verdict is = verdict::same;
  base::nanos since = 0; // wall clock: when that was first seen
  std::string why;       // the differences, or the first mistake
};
std::string_view text(configuration_on_disk::verdict value);

// A path that the node has to write to and cannot, or a handler of the log whose lines are not accepted at
// present; its label then stands for the path.
struct unwritable {
  enum class kind : std::uint8_t { data, log, handler };
  kind what = kind::data;
  std::string path;
  std::string why;
};

// A node that this node is, was or tried to be connected to.
struct peer_status {
  std::string name;
  std::string state;     // connected, connecting, waiting, down
  std::string direction; // in or out. Empty: none
  bool hidden = false;
  std::string tls; // TLS version. Empty: no TLS
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
  std::uint64_t queued_bytes = 0;
  std::uint64_t dropped = 0;      // messages
  std::uint32_t silent_ticks = 0; // quarters of net_ticktime without any data; at 4 the connection is ended
  base::nanos since = 0;          // wall clock: when it was connected or lost
  base::nanos heard = 0;          // wall clock: when data last came. 0: never
  std::uint64_t losses = 0;       // connections that have ended
  bool kept = false;              // in distribution.peers
  bool held = false;              // in distribution.peers, and disconnected by an operator
  std::string last_error;         // in words. Empty: none
};

// A member of a Raft group on this node that needs attention.
struct raft_status {
  std::string name;
  base::nanos leaderless = 0;   // for how long it has known no leader. 0: too short to report
  std::uint64_t parked_at = 0;  // the serial whose command it cannot apply. 0: it applies
  bool stopped = false;         // its log has ended, or its group of the log is damaged
  bool bad_snapshot = false;    // its actor rejects the snapshot
  bool no_snapshots = false;    // the last one could not be taken
  std::uint64_t differs_at = 0; // the serial at which its state differs from that of most members. 0: none
  base::nanos waits = 0;        // for how long it has applied no entry although it could. 0: too short
  base::nanos slow_write = 0; // the longest write of the last minute that took more than a heartbeat. 0: none
  std::optional<std::uint32_t> lacks_version{}; // group version that its code lacks. Empty: none
  // Bytes of its state, and of its leader's snapshot, that are above largest_state. 0: they are not.
  std::uint64_t too_large_state = 0, too_large_snapshot = 0;
  std::uint64_t largest_state = 0; // bytes that its state may have on this node
};

// A saga on this node that needs attention.
struct saga_status {
  std::string name;
  std::uint64_t in_doubt = 0; // steps that are prepared, without a decision
  base::nanos oldest = 0;     // for how long one of them has been. 0: too short to report
  std::uint64_t parked = 0;   // steps that cannot be undone
  // For how long the oldest unfinished transaction has been past its deadline. 0: too short to report.
  base::nanos overdue = 0;
};

// Records of a saga that none of the node's sagas reads.
struct unread_saga {
  std::string name;
  std::uint64_t open = 0; // transactions and steps of others
};

// A job that an operator ought to look at, and why.
struct job_warning {
  std::string name;
  std::string why;
};

struct node_status {
  std::string name;
  std::uint32_t creation = 0;
  std::string version;
  node_state state = node_state::starting;
  base::nanos started = 0; // wall clock
  base::nanos uptime = 0;
  std::uint32_t workers = 0;
  std::uint64_t processes = 0;
  std::uint64_t connections = 0;
  std::uint64_t plugins = 0;
  std::uint64_t restarts = 0;                   // of children, by all supervisors since the start
  std::uint64_t restarts_of_node = 0;           // after failures, since the node was started by hand
  std::uint64_t given_up = 0;                   // children that failed too often and stay down
  std::vector<std::string> listening;           // such as "127.0.0.1:15000", followed by " tls" with TLS
  std::string epmd;                             // "serving 127.0.0.1:4369", "client of 127.0.0.1:4369", "off"
  std::vector<certificate_status> certificates; // by file
  std::vector<application_status> applications; // in start order
  std::string last_apply;                       // result of the last apply, in words. Empty: none
  std::string last_reload;                      // result of the last reload of plugins, in words. Empty: none
  std::vector<std::string>
      differences;                   // of the tree from what was applied, if it differed then and still does
  bool draining = false;             // an operator has asked it to drain
  std::optional<former_life> former; // empty: not known
  std::vector<switched_off> off;     // listeners, children and jobs, each kind by name
  configuration_on_disk on_disk;     // `same` unless instance::status_with_disk() made this
  // Only the last descriptors are left. False unless instance::status_with_disk() made this.
  bool short_of_descriptors = false;
  std::vector<unwritable> cannot_write;   // node.data and files of the log. Empty unless as on_disk
  behaviours::journal_report durable_log; // without `log` and `damages` unless it is open
  std::vector<raft_status> raft;          // members of Raft groups that need attention, by name
  std::vector<saga_status> sagas;         // that need attention, by name
  std::vector<unread_saga> unread_sagas;  // by name. Empty unless status_with_disk() made this
  // Jobs that one of several nodes runs, while nodes of distribution.peers are away, which may run them too.
  std::vector<std::string> jobs_alone;
  std::vector<job_warning> job_warnings;
  std::vector<peer_status> away;   // nodes of distribution.peers that are not connected
  std::vector<change_row> changes; // the running apply or reload, then the waiting ones
  runtime::runtime_counters runtime;
  std::vector<runtime::stuck_handler> stuck; // threads that lost their worker, the longest first
};

// An application with its supervision tree; `top` is its top supervisor.
struct application_tree {
  application_status application;
  behaviours::tree_entry top;
};

// A former generation whose code is still mapped.
struct kept_generation {
  std::uint64_t generation = 0;
  std::string reason;
};

struct plugin_status {
  std::string id;
  std::string version;
  std::string path;
  std::uint64_t generation = 1;
  std::vector<std::string> actors; // actor types
  std::vector<kept_generation> kept;
  // Bytes that its code has allocated and that are not free, an estimate. Empty: this program does not count.
  std::optional<std::uint64_t> memory{};
};

} // namespace coppice::node
