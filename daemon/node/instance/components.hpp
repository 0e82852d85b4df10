// SPDX-License-Identifier: MIT
// What a running node consists of, in the order it is made; destruction is the reverse, so that nothing
// outlives what it points to. Private to the sources of this folder. Each member locks by itself, is atomic,
// is under `lock`, or does not change from the end of start() to stop().
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

// A child and who supervises it.
struct tree_place {
  runtime::pid supervisor;
  runtime::message child; // its id, or its pid for want of one
};

// What is wanted of the tree, as it was read and as it was assembled. Immutable once it is the current one.
struct configuration {
  spec::node_spec spec;
  std::vector<behaviours::application_spec> applications; // in start order
  std::vector<spec::file_text> texts;                     // what `spec` was read from
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

  // Closed once no process is left that could write.
  behaviours::journal durable_log;
  metrics::board counted; // by engines, actors' types and plugins
  behaviours::raft::beat_exchange beats{&counted};
  behaviours::raft::lead_board leads;
  behaviours::raft::state_bound raft_states; // as the node started with
  loader::loader plugins;
  child_args args_of_children{plugins};
  secret_args actors{plugins, args_of_children};
  behaviours::supervision_tree tree;
  behaviours::pending_orders orders;
  behaviours::certificate_folder certificates{};
  behaviours::application_board board;
  configuration_source source;
  std::shared_ptr<services::cron_jobs> cron;
  net::socket_store* sockets = nullptr;
  std::unique_ptr<network> net; // made before the system starts, and needs it
  runtime::system system;
  behaviours::event_channels events; // used while the system runs
  std::optional<node_events> tells;  // in them
  event_tails tails{system, events};
  services::log_actors log_handlers{system};

  disk_watch disk;
  unread_sagas unread;
  apply_history history;
  life_record life;                  // the owner's thread
  std::atomic<bool> draining{false}; // an operator has asked for it
  std::atomic<bool> differs{false};  // the tree did from what was applied, right after
  change_line line{[this](bool any) { show_changing(any); }};
  change_notes notes;
  application_end applications_end;
  bool came_back = true; // every thread did, when it stopped; the owner's thread
  runtime::pid controller;
  std::unique_ptr<reloader> reloads; // needs all of the above

  std::vector<plugin_status> loaded_plugins() const;
  std::vector<switched_off> switched_off_by_hand() const;
  // The configuration that was applied last.
  std::shared_ptr<const configuration> current() const;
  void set_current(std::shared_ptr<const configuration> now);
  // The sagas of that configuration. They are looked for when it changes, and not at each look at the node.
  std::shared_ptr<const saga_names> configured_sagas() const;
  // Writes it down under node.data, as applied by whom and with which changes. Blocks.
  void remember(const std::string& by, const std::vector<planned_change>& changes);

  // apply.cpp: in the turn of `self`.
  // What a running node takes on of what is no part of the tree.
  void use(runtime::process& self, const std::vector<spec::setting_change>& settings,
           const spec::node_spec& now);
  apply_outcome apply(runtime::process& self, const apply_request& request);
  base::result<change_line::place> wait_in_line(runtime::process& self, const apply_request& request);
  struct prepared;
  void prepare(const apply_request& request, const configuration& before, apply_outcome& out, prepared& work);
  // Whether the files that are not named in `request.only` say what runs; else `out` says what they say.
  bool rest_runs(const apply_request& request, const std::vector<std::string>& files,
                 const configuration& current, apply_outcome& out) const;
  // All of the plan, or nothing of it.
  base::status change_tree(runtime::process& self, const configuration& before, prepared& work);
  // Of the tree, from what was applied last. Any thread.
  std::vector<std::string> differences() const;

  // The top supervisor of an application, null if it does not run; nothing: there is no such application.
  std::optional<runtime::pid> top_of(std::string_view application) const;
  // Of app/child, app/supervisor/child, …, as the tree is now.
  base::result<tree_place> place_of(std::string_view path);
  // The process that runs there, of APP that at its top. errc::not_found, errc::refused, errc::invalid.
  base::result<runtime::pid> process_at(std::string_view path);

  // While an apply or a reload changes the node it shows as reloading.
  void show_changing(bool any);

  // Says once that the node is to come down.
  void end(ending reason);
  // A part of the node itself has ended. Unless the node stops, that is its end.
  void lost(std::string_view what);
  // Sends the applications down and waits for it: as long as their shutdown times take together, then, or
  // when hurried, their actors are killed; a worker stuck in an actor's code does not hold this up.
  void stop_applications();
  using pid_set = std::unordered_set<runtime::pid, runtime::pid_hash>;
  // Those not in `killed` yet.
  void kill_actors(pid_set& killed);

 private:
  mutable std::mutex current_lock_;
  std::shared_ptr<const configuration> current_;
  std::shared_ptr<const saga_names> sagas_; // of current_
};

} // namespace coppice::node
