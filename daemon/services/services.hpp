// SPDX-License-Identifier: MIT
// The registered processes that other nodes expect: net_kernel, global_name_server, rex, user, and the scopes
// of pg, under a supervisor of their own. They start after the runtime and before the distribution listens,
// so that no peer meets a node without them, and end with the runtime.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "behaviours/channels/event_channels.hpp"
#include "behaviours/raft/lead_board.hpp"
#include "behaviours/supervision/order.hpp"
#include "behaviours/supervision/tree.hpp"
#include "dist/router.hpp"
#include "runtime/system.hpp"
#include "services/cron/jobs.hpp"
#include "services/peers/kept_peers.hpp"
#include "services/peers/peer_bounds.hpp"
#include "services/rpc/functions.hpp"
#include "services/service_supervisor.hpp"

namespace coppice::services {

struct options {
  bool global = true;
  std::vector<std::string> rpc{"info"};         // functions that rex and erpc may run: see functions.hpp
  std::vector<std::string> spawn{};             // actors that other nodes may spawn
  std::vector<std::string> start{};             // applications that other nodes may start
  std::vector<std::string> pg{};                // scopes
  peer_bounds bounds{};                         // for each other node
  std::shared_ptr<cron_jobs> cron{};            // the node's jobs; null: none
  behaviours::event_channels* events = nullptr; // outlives the services; null: none
  std::shared_ptr<kept_peers> peers{};          // nodes to stay connected to; null: none
  // Which Raft groups are led here, for jobs; outlives the system; null: nothing is known of any.
  behaviours::raft::lead_board* leads = nullptr;
};

class services {
 public:
  // Sets the router's node callbacks and its spawn handler, so call it before router.listen(). The system,
  // the router and this object must outlive what start() makes.
  services(runtime::system& system, dist::router& router, const options& chosen);
  services(const services&) = delete;
  services& operator=(const services&) = delete;

  // Starts the services and waits until they run. The system must be running. Not on a thread of the system.
  // `gone` is called when the services and their supervisor have ended, also on shutdown; it must not wait.
  // errc::invalid: an entry of `rpc` is not valid.
  base::status start(std::function<void()> gone = {});

 private:
  std::vector<service> all();
  base::status start_supervisor(std::function<void()> gone);
  void discover(const dist::peer_info& peer);

  runtime::system& system_;
  dist::router& router_;
  options options_;
  std::shared_ptr<const functions> functions_;
  std::unique_ptr<service_factory> factory_; // once started
  behaviours::supervision_tree tree_;        // of the services only
  behaviours::pending_orders orders_;
};

} // namespace coppice::services
