// SPDX-License-Identifier: MIT
// The parts of a running node, in the order in which they are made. Destruction is the reverse, so that
// nothing outlives what it points to. Private to the sources of this folder. Each member locks by itself, is
// atomic, is under `lock`, or does not change from the end of start() to stop().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/clock.hpp"
#include "behaviours/application/application.hpp"
#include "behaviours/journal/journal.hpp"
#include "behaviours/raft/beat_exchange.hpp"
#include "behaviours/raft/lead_board.hpp"
#include "behaviours/raft/state_bound.hpp"
#include "behaviours/streams/tcp_spec.hpp"
#include "behaviours/supervision/order.hpp"
#include "behaviours/supervision/tree.hpp"
#include "loader/loader.hpp"
#include "metrics/board.hpp"
#include "node/changes/apply_history.hpp"
#include "node/changes/change_plan.hpp"
#include "node/changes/child_args.hpp"
#include "node/changes/secret_args.hpp"
#include "node/instance/application_end.hpp"
#include "node/instance/disk_watch.hpp"
#include "node/instance/instance.hpp"
#include "node/instance/network.hpp"
#include "node/reload/reloader.hpp"
#include "node/shown/change_line.hpp"
#include "node/shown/change_notes.hpp"
#include "node/shown/event_tail.hpp"
#include "node/shown/life_record.hpp"
#include "node/shown/node_events.hpp"
#include "node/shown/readiness.hpp"
#include "node/shown/unread_sagas.hpp"
#include "runtime/system.hpp"
#include "services/cron/jobs.hpp"
#include "services/log/log_actors.hpp"

namespace coppice::node {

// A child and its supervisor.
struct tree_place {
  runtime::pid supervisor;
  runtime::message child; // its id, or its pid if it has no id
};

// The specification of the tree, as it was read and as it was assembled. Immutable once it is the current
// one.
struct configuration {
  spec::node_spec spec;
  std::vector<behaviours::application_spec> applications; // in start order
  std::vector<spec::file_text> texts;                     // the texts that `spec` was read from
};

struct components {
  using ending = instance::ending;

  components(std::shared_ptr<const configuration> wanted, configuration_source from,
             loader::loader_options loading);

  const std::shared_ptr<const configuration> started_with;
  std::function<void()> on_ending;
  std::atomic<node_state> state{node_state::starting};
  std::atomic<ending> why{ending::none};
  base::nanos started_wall = base::wall_now();
  base::nanos started = base::mono_now();
  std::atomic<std::uint64_t> restarts_of_node{0};
  std::string cookie_file;
  readiness ready;

  // Closed when no process is left that could write to it.
  behaviours::journal durable_log;
  metrics::board counted; // counters of engines, actors' types and plugins
  behaviours::raft::beat_exchange beats{&counted};
  behaviours::raft::lead_board leads;
  behaviours::raft::state_bound raft_states; // bounds that the node started with
  loader::loader plugins;
  child_args args_of_children{plugins};
  secret_args actors{plugins, args_of_children};
  behaviours::supervision_tree tree;
  behaviours::pending_orders orders;
  behaviours::certificate_folder certificates{};
  behaviours::node_drain drain; // an operator has asked the node to drain
  behaviours::application_board board;
  configuration_source source;
  std::shared_ptr<services::cron_jobs> cron;
  net::socket_store* sockets = nullptr;
  std::unique_ptr<network> net; // made before the system starts, which needs it
  runtime::system system;
  behaviours::event_channels events; // used while the system runs
  std::optional<node_events> tells;  // publishes in `events`
  event_tails tails{system, events};
  services::log_actors log_handlers{system};

  disk_watch disk;
  unread_sagas unread;
  apply_history history;
  life_record life;                 // the owner's thread
  std::atomic<bool> differs{false}; // right after the last apply, the tree differed from what was applied
  change_line line{[this](bool any) { show_changing(any); }};
  change_notes notes;
  application_end applications_end;
  bool came_back = true; // whether every thread ended at the stop; the owner's thread
  runtime::pid controller;
  std::unique_ptr<reloader> reloads; // needs all members above

  std::vector<plugin_status> loaded_plugins() const;
  std::vector<switched_off> switched_off_by_hand() const;
  // The configuration that was applied last.
  std::shared_ptr<const configuration> current() const;
  void set_current(std::shared_ptr<const configuration> now);
  // The sagas of the current configuration. Found when the configuration changes, so that a look at the node
  // is cheap.
  std::shared_ptr<const saga_names> configured_sagas() const;
  // Writes the current configuration to node.data, with its requester and its changes. Blocks.
  void remember(const std::string& by, const std::vector<planned_change>& changes);

  // apply.cpp: in the turn of `self`.
  // Takes on the changed settings of a running node that are no part of the tree.
  void use(runtime::process& self, const std::vector<spec::setting_change>& settings,
           const spec::node_spec& now);
  apply_outcome apply(runtime::process& self, const apply_request& request);
  base::result<change_line::place> wait_in_line(runtime::process& self, const apply_request& request);
  struct prepared;
  void prepare(const apply_request& request, const configuration& before, apply_outcome& out, prepared& work);
  // Whether the files that are not named in `request.only` agree with what runs. Otherwise `out` has the
  // difference.
  bool rest_runs(const apply_request& request, const std::vector<std::string>& files,
                 const configuration& current, apply_outcome& out) const;
  // Carries out all of the plan, or nothing of it.
  base::status change_tree(runtime::process& self, const configuration& before, prepared& work);
  // The differences of the tree from the configuration that was applied last. Any thread.
  std::vector<std::string> differences() const;

  // The top supervisor of an application. Null: it does not run. Empty: there is no such application.
  std::optional<runtime::pid> top_of(std::string_view application) const;
  // The place of app/child, app/supervisor/child, …, as the tree is now.
  base::result<tree_place> place_of(std::string_view path);
  // The process at this path; for the path of an application, its top supervisor. errc::not_found,
  // errc::refused, errc::invalid.
  base::result<runtime::pid> process_at(std::string_view path);

  // While an apply or a reload changes the node, its state is shown as reloading.
  void show_changing(bool any);

  // Tells the owner, once, that the node should stop.
  void end(ending reason);
  // A part of the node itself has ended. The node ends with it, unless it stops already.
  void lost(std::string_view what);
  // Tells the applications to stop and waits for their end, at most for the sum of their shutdown times.
  // After that time, or when hurried, their actors are killed. A worker that is stuck in an actor's code
  // does not hold this up.
  void stop_applications();
  using pid_set = std::unordered_set<runtime::pid, runtime::pid_hash>;
  // Kills the actors that are not in `killed` yet, and adds them to it.
  void kill_actors(pid_set& killed);

 private:
  mutable std::mutex current_lock_;
  std::shared_ptr<const configuration> current_;
  std::shared_ptr<const saga_names> sagas_; // of current_
};

} // namespace coppice::node
