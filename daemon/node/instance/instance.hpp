// SPDX-License-Identifier: MIT
// One running node, made of all rooms. start() brings it up in order (plugins, runtime, EPMD, distribution
// and its services, applications), stop() takes it down in reverse. While it runs, the control socket uses
// its snapshots, requests and operations. All functions except start, stop and the destructor are for any
// thread and never wait.
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
  // Why the node should stop, or did.
  enum class ending : std::uint8_t {
    none,        // it runs
    asked,       // request_stop()
    application, // an application ended and took the node down, or did not start
    service,     // a part that every node needs ended: its services, or the application controller
  };

  // Returns when the node listens and its applications are being started. when_ready() tells their success,
  // `on_ending` their failure. On failure the parts that were started are stopped again. `on_ending` is
  // called once, on any thread, when the node has to stop for a reason of its own: the owner of the node
  // then calls stop(). `from`: where operations::apply() reads the configuration anew. `sockets`: where
  // listening sockets are kept; outlives the node. Null: nowhere.
  static base::result<std::unique_ptr<instance>> start(spec::node_spec spec, std::function<void()> on_ending,
                                                       configuration_source from = {},
                                                       net::socket_store* sockets = nullptr);
  ~instance();
  instance(const instance&) = delete;
  instance& operator=(const instance&) = delete;

  // Stops the applications in reverse start order, then the other parts. Waits. True: every thread ended.
  // False: some did not, and the program can only end by _exit.
  bool stop();
  // How often the node was started again after a failure, for its status.
  void note_restarts(std::uint64_t count);
  // Makes a stop() under way, or to come, kill the actors that still hold it up.
  void hurry();
  // Asks the owner to call stop().
  void request_stop();
  ending why() const;

  // `done` is called once: when every application has started, or at once if they have. errc::closed: the
  // node stops before. The returned id is for forget(), after which `done` is not called.
  std::uint64_t when_ready(std::function<void(base::status)> done);
  void forget(std::uint64_t id);
  bool ready() const;
  // `told` is called, on any thread, when the node has become ready, stops, or begins or ends an apply or a
  // reload; snapshots::status() shows it. It must not wait or call the node. Empty: no function is called
  // any more once this returns.
  void on_change(std::function<void()> told);

  // The configuration that the node was started with, without the changes of later applies.
  const spec::node_spec& spec() const;
  std::string_view name() const { return spec().node.name; }

  // The node's reports, the requests to its processes, and the operators' changes to it.
  const node::snapshots& snapshots() const { return *snapshots_; }
  node::requests& requests() { return *requests_; }
  node::operations& operations() { return *operations_; }

  runtime::system& runtime();
  // Its named events.
  behaviours::event_channels& events();
  // Tails of its named events, for operators.
  event_tails& tails();
  // Its jobs, for operators.
  services::cron_jobs& jobs();
  // May be null.
  net::socket_store* sockets() const;
  // A source of TLS contexts for a listener of the node's owner. Its certificate is shown among the node's.
  // Null: tls is off. Reads files.
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
