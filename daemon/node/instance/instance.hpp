// SPDX-License-Identifier: MIT
// One running node: the rooms put together. start() brings it up in order (plugins, runtime, EPMD,
// distribution and its services, applications), stop() takes it down in reverse. In between the control
// socket talks to its snapshots, requests and operations. Everything but start, stop and the destructor is
// for any thread and never waits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/error.hpp"
#include "node/instance/apply.hpp"
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

namespace coppice::node {

struct components;
class event_tails;
class operations;
class requests;
class snapshots;

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
  // `from` is where operations::apply() reads it anew; `sockets` where listening sockets are kept, outliving
  // the node; null: nowhere.
  static base::result<std::unique_ptr<instance>> start(spec::node_spec spec, std::function<void()> on_ending,
                                                       configuration_source from = {},
                                                       net::socket_store* sockets = nullptr);
  ~instance();
  instance(const instance&) = delete;
  instance& operator=(const instance&) = delete;

  // Orderly: applications in reverse start order, then the rest. Waits. True: every thread came back;
  // false: some did not, and only _exit is left.
  bool stop();
  // How often the node was started again after a failure: for its status.
  void note_restarts(std::uint64_t count);
  // Makes a stop() under way, or to come, kill the actors that still hold it up.
  void hurry();
  // Asks the owner to call stop().
  void request_stop();
  ending why() const;

  // `done` is called once: at once when every application has started, or when the last one has; with
  // errc::closed when the node comes down before. The id is for forget(), after which it is not called.
  std::uint64_t when_ready(std::function<void(base::status)> done);
  void forget(std::uint64_t id);
  bool ready() const;
  // `told` is called, on any thread, when the node has become ready, stops, begins or ends an apply or a
  // reload: snapshots::status() shows it. It must not wait, nor call the node. Empty: nobody is told any more
  // once this returns.
  void on_change(std::function<void()> told);

  // What the node was started with; what an apply changed since is not in it.
  const spec::node_spec& spec() const;
  std::string_view name() const { return spec().node.name; }

  // What it shows, what is asked of its processes, what operators do to it.
  const node::snapshots& snapshots() const { return *snapshots_; }
  node::requests& requests() { return *requests_; }
  node::operations& operations() { return *operations_; }

  runtime::system& runtime();
  // Its named events.
  behaviours::event_channels& events();
  // For operators who follow them.
  event_tails& tails();
  // Its jobs, for operators.
  services::cron_jobs& jobs();
  // May be null.
  net::socket_store* sockets() const;
  // A source of TLS contexts for a listener of the node's owner, which is shown among the node's
  // certificates. Null for tls: off. Reads files.
  base::result<std::shared_ptr<net::tls_source>> open_tls(const spec::tls_spec& of);

 private:
  explicit instance(std::unique_ptr<components> of);
  base::status start_applications();
  base::status start_reloader();

  const std::unique_ptr<components> components_;
  const std::unique_ptr<node::snapshots> snapshots_;
  const std::unique_ptr<node::requests> requests_;
  const std::unique_ptr<node::operations> operations_;
};

} // namespace coppice::node
