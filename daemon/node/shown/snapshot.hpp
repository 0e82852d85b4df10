// SPDX-License-Identifier: MIT
// What a node says of itself: plain copies for the control socket, metrics and the banner, put together
// from published counters and tables; no worker is asked. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "behaviours/supervision/tree.hpp"
#include "node/shown/change_line.hpp"
#include "node/shown/life_record.hpp"
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
  std::string reason;      // why it stopped or failed, as Erlang text; empty: it did not
  runtime::pid pid;        // of its top supervisor; null unless running
  base::nanos started = 0; // wall clock; 0: not yet
};

// One that the node shows other nodes, or its listeners show their clients.
struct certificate_status {
  std::string file;
  base::nanos ends = 0; // wall clock
  bool soon = false;    // within two weeks, or it has
  std::string unused{}; // why the files as they are now are not used, and former ones are; empty: they are
};

// Something that an operator has switched off and that the configuration does not.
struct switched_off {
  std::string what; // listener: suspended; child: terminated; job: disabled
  std::string name; // its path, or the job's name
};

// What the files of the configuration say now, held against what runs.
struct configuration_on_disk {
  enum class verdict : std::uint8_t {
    same,
    differs, // an apply would change something, or refuse to
    refused, // a start would end with it
  };
  verdict is = verdict::same;
  base::nanos since = 0; // wall clock: when that was seen first
  std::string why;       // what differs, or the first mistake
};
std::string_view text(configuration_on_disk::verdict value);

struct pool_worker_status {
  runtime::pid pid; // null: it does not run
  std::uint64_t held = 0;
  std::uint64_t queued = 0; // for it alone
  std::uint64_t handled = 0;
  std::uint64_t lost = 0; // requests it held when it ended
  base::nanos busy = 0;
  std::uint64_t restarts = 0;
};

// As the pool itself says. The counts are explained in behaviours/pool/pool_counters.hpp.
struct pool_status {
  std::string dispatch;
  std::uint64_t size = 0;
  std::uint64_t max = 0; // that it grows to
  std::uint64_t queued = 0;
  std::uint64_t held = 0;
  std::uint64_t handled = 0;
  std::uint64_t rejected = 0;
  std::uint64_t expired = 0;
  std::uint64_t retried = 0;
  std::uint64_t lost = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t misdirected = 0;
  std::uint64_t grown = 0;
  std::uint64_t shrunk = 0;
  base::nanos uptime = 0;
  std::vector<pool_worker_status> workers; // by their number
};

// A node that we are, were or tried to be connected to.
struct peer_status {
  std::string name;
  std::string state;     // connected, connecting, waiting, down
  std::string direction; // in, out; empty: none
  bool hidden = false;
  std::string tls; // its version; empty: no TLS
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
  std::uint64_t queued_bytes = 0;
  std::uint64_t dropped = 0;      // messages
  std::uint32_t silent_ticks = 0; // quarters of net_ticktime since something was heard; at 4 it is ended
  base::nanos since = 0;          // wall clock: since when it is connected, or is not
  base::nanos heard = 0;          // wall clock: when something came from it last; 0: never
  std::uint64_t losses = 0;       // connections to it that ended
  bool kept = false;              // in distribution.peers
  bool held = false;              // of those: an operator has disconnected it
  std::string last_error;         // in words; empty: none
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
  std::uint64_t restarts = 0;                   // of children, in all supervisors there were
  std::uint64_t restarts_of_node = 0;           // after failures, since it was started by hand
  std::uint64_t given_up = 0;                   // children that failed too often and stay down
  std::vector<std::string> listening;           // "127.0.0.1:15000", with " tls" behind where it is
  std::string epmd;                             // "serving 127.0.0.1:4369", "client of 127.0.0.1:4369", "off"
  std::vector<certificate_status> certificates; // by file
  std::vector<application_status> applications; // in start order
  std::string last_apply;                       // what came of it, in words; empty: there was none
  std::string last_reload;                      // likewise, of plugins
  std::vector<std::string>
      differences;                   // of the tree from what was applied, if it differed then and does still
  bool draining = false;             // an operator has asked for it
  std::optional<former_life> former; // nothing: not known
  std::vector<switched_off> off;     // listeners, children, jobs, each by name
  configuration_on_disk on_disk;     // `same` where nobody looked: instance::status_with_disk()
  bool short_of_descriptors = false; // only the last ones are left; likewise
  std::vector<peer_status> away;     // those of distribution.peers that are not connected
  std::vector<change_row> changes;   // the apply or reload that runs, then those that wait
  runtime::runtime_counters runtime;
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
  std::vector<std::string> actors; // their types
  std::vector<kept_generation> kept;
};

} // namespace coppice::node
