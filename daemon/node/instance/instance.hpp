// SPDX-License-Identifier: MIT
// One running node: the rooms put together. start() brings it up in order (plugins, runtime, EPMD,
// distribution and its services, applications), stop() takes it down in reverse. In between this is
// what the control socket talks to: snapshots, and requests whose answers come by callback. Everything
// but start, stop and the destructor is for any thread and, but for resolve, never waits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "behaviours/gen/gen.hpp"
#include "behaviours/gen/shown_state.hpp"
#include "node/changes/apply_history.hpp"
#include "node/instance/apply.hpp"
#include "node/reload/reload_report.hpp"
#include "node/shown/snapshot.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/occupation.hpp"
#include "spec/node_spec.hpp"

namespace coppice::runtime {
class system;
}

namespace coppice::net {
class socket_store;
class tls_source;
} // namespace coppice::net

namespace coppice::behaviours {
class event_channels;
}
namespace coppice::services {
class cron_jobs;
}

namespace coppice::metrics {
class board;
}

namespace coppice::node {

struct configuration;
class event_tails;

class instance {
 public:
  // Why the node should come down, or did.
  enum class ending : std::uint8_t {
    none,        // it runs
    asked,       // request_stop()
    application, // an application's end took it down, or one did not start
    service,     // what no node can do without ended: its services, or the application controller
  };

  // Returns once the node listens and its applications are being started; their success is told by
  // when_ready(), their failure by on_ending. On failure what was started is stopped again.
  // `on_ending` is called once, on any thread, when the node is to come down by itself: the owner of the
  // node then calls stop().
  // `from` is where apply() reads it anew; `sockets` where listening sockets are kept, outliving the node;
  // null: nowhere.
  static base::result<std::unique_ptr<instance>> start(spec::node_spec spec, std::function<void()> on_ending,
                                                       configuration_source from = {},
                                                       net::socket_store* sockets = nullptr);
  ~instance();
  instance(const instance&) = delete;
  instance& operator=(const instance&) = delete;

  // Orderly: applications in reverse start order, then the rest. Waits. True: every thread came back;
  // false: some did not, and only _exit is left.
  bool stop();
  // How often the node was started again after a failure: for status().
  void note_restarts(std::uint64_t count);
  // Makes a stop() under way, or to come, kill the actors that still hold it up. Any thread.
  void hurry();
  ending why() const;

  // Snapshots.
  node_status status() const;
  // With what has to be looked for outside the node: what the configuration's files say, whether descriptors
  // run out. Reads files when they have changed: not on a worker's thread.
  node_status status_with_disk() const;
  // All applications in start order, or the one of that name (errc::not_found).
  base::result<std::vector<application_tree>> tree(std::string_view application = {}) const;
  // The paths of the children that failed too often and stay down, in start order; while there are any the
  // node is degraded.
  std::vector<std::string> degraded() const;
  std::vector<runtime::process_summary> processes() const;
  // PID or NAME, as people write them. errc::not_found, errc::invalid.
  base::result<runtime::process_info> info(std::string_view process) const;
  // How earlier runs of a supervised process ended, the latest last; none of others.
  std::vector<behaviours::child_end> ends_of(const runtime::process_info& process) const;
  std::vector<peer_status> peers() const;
  // Those of distribution.peers that are not connected, sorted.
  std::vector<std::string> peers_away() const;
  std::vector<plugin_status> plugins() const;
  // What its engines, actors' types, plugins and parts count.
  const metrics::board& counted() const;
  // What the node was started with; what apply() changed since is not in it.
  const spec::node_spec& spec() const;
  // A source of TLS contexts for a listener of the node's owner, which is shown among the node's
  // certificates. Null for tls: off. Reads files.
  base::result<std::shared_ptr<net::tls_source>> open_tls(const spec::tls_spec& of);
  // May be null.
  net::socket_store* sockets() const;
  std::string_view name() const { return spec().node.name; }
  // The file the cookie is in; empty: it came from elsewhere.
  const std::string& cookie_file() const;
  // Erlang text of a pid, as this node writes it.
  std::string text_of(const runtime::pid& pid) const;

  // Terms as people write them: <0.N.S> is a pid of this node. errc::invalid says where it went wrong.
  base::result<runtime::message> parse(std::string_view term) const;
  // NAME, NAME@ALIVE@HOST, {NAME, 'NODE'}, global:NAME, a pid, or APP/SUP/CHILD for a child of the tree that
  // is no registered name. errc::invalid, errc::not_found. A global name is looked up, which waits for a
  // second at most; not on a worker's thread.
  base::result<runtime::destination> resolve(std::string_view target) const;

  // gen_server:call. `done` is called once, on a worker's thread, and must not wait.
  using call_done = std::function<void(behaviours::gen::call_result)>;
  void call(const runtime::destination& to, runtime::message request, base::nanos timeout, call_done done);
  // gen_server:cast and a plain message. errc::limit: the mailbox is full.
  base::status cast(const runtime::destination& to, const runtime::message& request);
  base::status send(const runtime::destination& to, runtime::message m);

  // `done` is called once: at once when every application has started, or when the last one has; with
  // errc::closed when the node comes down before. The id is for forget(), after which it is not called.
  std::uint64_t when_ready(std::function<void(base::status)> done);
  void forget(std::uint64_t id);
  bool ready() const;

  // `done` as for call: what the process, which is here, is busy with; nullopt: it did not say in time.
  void occupation_of(const runtime::pid& process, base::nanos timeout,
                     std::function<void(std::optional<runtime::occupation>)> done);
  // `done` as for call: what the format_status of the server, which is here, shows, if that is wanted, and
  // what its engine tells.
  void state_of(const runtime::pid& process, behaviours::shown_part wanted, base::nanos timeout,
                std::function<void(behaviours::shown_state)> done);
  // Whether the process runs an engine of ours, which answers state_of(): an actor of a plugin, a supervisor,
  // or another child of one.
  bool runs_engine(const runtime::process_info& process) const;
  // What the engine of the process, which is here, reports: a map that names its `kind`. The process is
  // called with `change` first; empty: with nothing. `done` as for call: errc::timeout, errc::closed;
  // errc::refused: the change was answered with an error, and why.
  void engine_of(const runtime::pid& process, runtime::message change, base::nanos timeout,
                 std::function<void(base::result<runtime::message>)> done);
  // Switches off what `sys` has switched on at a server that is here: log, statistics, trace. `done` as for
  // call: errc::timeout, errc::closed.
  void stop_debugging(const runtime::pid& process, base::nanos timeout,
                      std::function<void(base::status)> done);
  // Enables a job or disables it, and has that written down. `done` as for call: errc::not_found;
  // errc::system: it is so, but will not be after the next start.
  void switch_job(std::string_view name, bool on, std::function<void(base::status)> done);
  // `done` as for call: whether there is a connection now, and if not why, in words.
  void connect(std::string_view peer, base::nanos timeout, std::function<void(base::status)> done);
  // Of one of distribution.peers: it stays so until connect() or the next apply.
  base::status disconnect(std::string_view peer);

  // What operators do to applications and to children, PATH being app/child, app/supervisor/child and so on;
  // a child without an id (of simple_one_for_one) goes by its pid. `done` as for call, with errc::not_found,
  // errc::timeout (it goes on nevertheless), errc::refused: why not. A PATH of one application means it.
  void start_application(std::string_view name, base::nanos timeout, std::function<void(base::status)> done);
  void stop_application(std::string_view name, base::nanos timeout, std::function<void(base::status)> done);
  // Stops it if it runs, and starts it.
  void restart(std::string_view path, base::nanos timeout, std::function<void(base::status)> done);
  // Stops it until it is restarted; its supervisor does not start it again.
  void terminate(std::string_view path, base::nanos timeout, std::function<void(base::status)> done);

  // Makes the tree what the configuration says, whole or not at all, when its turn has come: `done` as for
  // call.
  void apply(apply_request request, std::function<void(apply_outcome)> done);
  // What was applied, the oldest first. Reads a file.
  std::vector<applied_entry> history() const;
  // While it drains it is not ready.
  void set_draining(bool on);
  // Replaces plugins, all of them or none, when its turn has come. `done` is called once, on any thread:
  // errc::limit, too many changes wait; errc::exists, one of its kind does; errc::refused, errc::timeout,
  // errc::not_found: nothing has changed, and why.
  void reload(reload_request what, std::function<void(base::result<reload_report>)> done);

  // `told` is called, on any thread, when the node has become ready, stops, begins or ends an apply or a
  // reload: status() shows it. It must not wait, nor call the node. Empty: nobody is told any more once this
  // returns.
  void on_change(std::function<void()> told);

  // Asks the owner to call stop().
  void request_stop();

  runtime::system& runtime();

  // Its named events.
  behaviours::event_channels& events();
  // For operators who follow them.
  event_tails& tails();
  // Its jobs, for operators.
  services::cron_jobs& jobs();

 private:
  struct components;
  instance(spec::node_spec spec, std::vector<spec::file_text> texts);
  base::status start_applications();
  base::status start_reloader();

  std::shared_ptr<const configuration> started_with_;
  std::unique_ptr<components> components_;
};

} // namespace coppice::node
