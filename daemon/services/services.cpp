// SPDX-License-Identifier: MIT
// Starting the registered processes, in an order in which none misses another. Any thread.
#include "services/services.hpp"

#include <utility>

#include "services/erpc.hpp"
#include "services/global_name_server.hpp"
#include "services/net_kernel.hpp"
#include "services/rex.hpp"
#include "services/user.hpp"

namespace coppice::services {

services::services(runtime::system& system, dist::router& router, const options& chosen)
    : system_(system), router_(router), options_(chosen) {
  if (!options_.global) return;
  router_.on_node_up([this](const dist::peer_info& peer) {
    if (!peer.hidden && router_.settings().visible) global_name_server::node_up(system_, peer.name);
  });
  router_.on_node_down([this](const dist::peer_info& peer, const std::string&) {
    if (!peer.hidden && router_.settings().visible) global_name_server::node_down(system_, peer.name);
  });
}

base::status services::start() {
  auto made = functions::make(router_, options_.rpc);
  if (!made) return tl::unexpected(std::move(made.error()));
  functions_ = std::make_shared<const functions>(std::move(*made));
  router_.set_spawn_handler(spawns_for_erpc(system_, functions_));

  const auto leader = spawn(user::registered_name, std::make_unique<user>());
  if (!leader) return tl::unexpected(leader.error());
  system_.set_default_group_leader(*leader);
  if (auto done = spawn(net_kernel::registered_name, std::make_unique<net_kernel>()); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = spawn(rex::registered_name, std::make_unique<rex>(functions_)); !done) {
    return tl::unexpected(done.error());
  }
  if (!options_.global) return {};
  auto done = spawn(global_name_server::registered_name, std::make_unique<global_name_server>(router_));
  if (!done) return tl::unexpected(done.error());
  return {};
}

base::result<runtime::pid> services::spawn(const char* name, std::unique_ptr<runtime::behaviour> does) {
  runtime::spawn_options chosen;
  chosen.name = name;
  chosen.label = name;
  auto made = system_.spawn(std::move(chosen), std::move(does));
  if (!made) return tl::unexpected(std::move(made.error()).context(name));
  return *made;
}

} // namespace coppice::services
