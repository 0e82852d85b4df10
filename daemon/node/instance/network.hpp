// SPDX-License-Identifier: MIT
// The node's part in a cluster: listeners and the router to other nodes, EPMD, and the registered processes
// that other nodes expect to find. Made before the runtime starts, started after it, stopped before it
// stops. start() and stop() are for the node's own thread and wait; the other functions are for any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/socket_address.hpp"
#include "dist/router.hpp"
#include "epmd/embedded.hpp"
#include "node/environment/certificate_watch.hpp"
#include "node/shown/snapshot.hpp"
#include "runtime/system.hpp"
#include "services/peers/kept_peers.hpp"
#include "services/services.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// Objects that processes of the node itself work on, apart from those of the network.
struct node_services {
  std::shared_ptr<services::cron_jobs> jobs;     // the jobs that it runs. Null: none
  behaviours::event_channels* events = nullptr;  // outlives the system. Null: none
  behaviours::raft::lead_board* leads = nullptr; // outlives the system. Null: none
};

class network {
 public:
  // Reads the cookies of the routes. The system, the specification and the store outlive the network.
  static base::result<std::unique_ptr<network>> make(runtime::system& host, const spec::node_spec& spec,
                                                     std::string cookie, node_services carried_out,
                                                     net::socket_store* sockets = nullptr);
  ~network();
  network(const network&) = delete;
  network& operator=(const network&) = delete;

  // Starts the registered processes that other nodes expect, listens, and registers with EPMD. errc::exists:
  // another node has this name. Nothing stays open on failure. `services_gone` is called when those
  // processes have ended for good, also when the system stops.
  base::status start(std::function<void()> services_gone);
  // Unregisters and closes all connections. May be called after a start that failed.
  void stop();

  dist::router& router() { return router_; }
  const dist::router& router() const { return router_; }
  std::vector<std::string> listening() const;
  std::string epmd_text() const;
  std::vector<certificate_status> certificates() const;
  // The sources of TLS contexts. Listeners add theirs.
  net::tls_sources& tls() { return tls_; }
  // Makes a source and adds it to tls(). Null: tls is off. Reads files.
  base::result<std::shared_ptr<net::tls_source>> open_tls(const spec::tls_spec& of);
  std::vector<peer_status> peers() const;
  // Keeps the peers of `spec` from now on, see services::kept_peers::change().
  void keep_peers(const spec::node_spec& spec);
  // An operator resumes or disconnects a peer. For a kept peer, see services::kept_peers.
  void resume_peer(std::string_view name) { peers_->resume(name); }
  base::status disconnect(std::string_view name);
  // The kept peers that are not connected, sorted by name.
  std::vector<std::string> peers_away() const { return peers_->away(); }

 private:
  network(runtime::system& host, const spec::node_spec& spec, dist::options options,
          node_services carried_out);

  base::status start_epmd(const base::socket_address& first, bool loopback_only);
  // The first worker's thread.
  void epmd_moved();
  // Runs `task` on the first worker, whose loop EPMD uses, and waits until it has called `done`. False: it
  // has not within `patience`.
  using work = std::function<void(std::function<void()> done)>;
  bool on_first_worker(work task, std::chrono::milliseconds patience);

  runtime::system& host_;
  const spec::node_spec& spec_;
  dist::router router_;
  const std::shared_ptr<services::kept_peers> peers_;
  services::services services_;
  net::tls_sources tls_; // the node's, and its listeners'
  // Null until it listens; started and stopped on the first worker.
  std::unique_ptr<certificate_watch> certificates_;
  std::unique_ptr<epmd::embedded> epmd_; // made, used and destroyed on the first worker
  mutable std::mutex lock_;
  std::vector<std::string> listening_;
  std::string epmd_text_ = "off";
  epmd::embedded::state epmd_state_ = epmd::embedded::state::off;
  base::error epmd_error_;
  std::condition_variable epmd_changed_;
};

} // namespace coppice::node
