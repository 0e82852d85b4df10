// SPDX-License-Identifier: MIT
// The registered processes other nodes expect to find: net_kernel, global_name_server, rex, user. Started
// after the runtime and before the distribution listens, so that no peer meets a node without them. They end
// with the runtime.
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
  base::result<runtime::pid> spawn(const char* name, std::unique_ptr<runtime::behaviour> does);

  runtime::system& system_;
  dist::router& router_;
  options options_;
  std::shared_ptr<const functions> functions_;
};

} // namespace coppice::services
