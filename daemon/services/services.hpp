// SPDX-License-Identifier: MIT
// The registered processes other nodes expect to find: net_kernel, global_name_server, rex, user, and the
// scopes of pg. Started after the runtime and before the distribution listens, so that no peer meets a node
// without them. They end with the runtime.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "dist/router.hpp"
#include "runtime/system.hpp"
#include "services/functions.hpp"

namespace coppice::services {

struct options {
  bool global = true;
  std::vector<std::string> rpc{"info"}; // what rex and erpc may run: see allow_list
  std::vector<std::string> spawn{};     // actors that other nodes may spawn
  std::vector<std::string> start{};     // applications that they may start
  std::vector<std::string> pg{};        // scopes
};

class services {
 public:
  // Takes the router's node callbacks and its spawn handler: before router.listen(). The system and the
  // router outlive what start() makes.
  services(runtime::system& system, dist::router& router, const options& chosen);
  services(const services&) = delete;
  services& operator=(const services&) = delete;

  // Spawns them; the system is started. A foreign thread. errc::invalid: an entry of `rpc` that is none.
  base::status start();

 private:
  base::result<runtime::pid> spawn(const std::string& name, std::unique_ptr<runtime::behaviour> does,
                                   runtime::mailbox_bounds mailbox = {});
  base::status start_scopes();
  void discover(const dist::peer_info& peer);

  runtime::system& system_;
  dist::router& router_;
  options options_;
  std::shared_ptr<const functions> functions_;
  std::vector<runtime::pid> scopes_; // as in options_.pg; settled before the distribution listens
};

} // namespace coppice::services
