// SPDX-License-Identifier: MIT
// Starting the registered processes, in an order in which none misses another. Any thread.
#include "services/services.hpp"

#include <utility>

#include "services/erpc.hpp"
#include "services/global_name_server.hpp"
#include "services/net_kernel.hpp"
#include "services/pg_scope.hpp"
#include "services/rex.hpp"
#include "services/user.hpp"

namespace coppice::services {

namespace {

// Of those whom other nodes tell what everyone has to believe: none of it may be dropped.
constexpr runtime::mailbox_bounds endless{16'000'000, 0, runtime::on_full::park_sender};

} // namespace

services::services(runtime::system& system, dist::router& router, const options& chosen)
    : system_(system), router_(router), options_(chosen) {
  router_.on_node_up([this](const dist::peer_info& peer) { discover(peer); });
  if (!options_.global) return;
  router_.on_node_up([this](const dist::peer_info& peer) {
    if (!peer.hidden && router_.settings().visible) global_name_server::node_up(system_, peer.name);
  });
  router_.on_node_down([this](const dist::peer_info& peer, const std::string&) {
    if (!peer.hidden && router_.settings().visible) global_name_server::node_down(system_, peer.name);
  });
}

base::status services::start() {
  auto made = functions::make(router_, options_.rpc, options_.start);
  if (!made) return tl::unexpected(std::move(made.error()));
  functions_ = std::make_shared<const functions>(std::move(*made));
  router_.set_spawn_handler(remote_spawns(system_, router_, functions_, {options_.spawn, {}}));

  const auto leader = spawn(user::registered_name, std::make_unique<user>());
  if (!leader) return tl::unexpected(leader.error());
  system_.set_default_group_leader(*leader);
  if (auto done = spawn(net_kernel::registered_name, std::make_unique<net_kernel>()); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = spawn(rex::registered_name, std::make_unique<rex>(functions_)); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = start_scopes(); !done) return done;
  if (!options_.global) return {};
  auto done =
      spawn(global_name_server::registered_name, std::make_unique<global_name_server>(router_), endless);
  if (!done) return tl::unexpected(done.error());
  return {};
}

base::status services::start_scopes() {
  for (const auto& name : options_.pg) {
    const auto made = spawn(name, std::make_unique<pg_scope>(name), endless);
    if (!made) return tl::unexpected(made.error());
    scopes_.push_back(*made);
  }
  return {};
}

void services::discover(const dist::peer_info& peer) {
  if (peer.hidden || !router_.settings().visible || scopes_.empty()) return;
  const auto node = system_.nodes().find(peer.name);
  for (std::size_t i = 0; node && i < scopes_.size(); ++i) {
    system_.send(runtime::destination::remote(options_.pg[i], *node),
                 pg_scope::discovery(scopes_[i], system_.nodes()), scopes_[i]);
  }
}

base::result<runtime::pid> services::spawn(const std::string& name, std::unique_ptr<runtime::behaviour> does,
                                           runtime::mailbox_bounds mailbox) {
  runtime::spawn_options chosen;
  chosen.name = name;
  chosen.label = name;
  chosen.mailbox = mailbox;
  auto made = system_.spawn(std::move(chosen), std::move(does));
  if (!made) return tl::unexpected(std::move(made.error()).context(name));
  return *made;
}

} // namespace coppice::services
