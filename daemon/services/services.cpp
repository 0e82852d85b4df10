// SPDX-License-Identifier: MIT
// The list of services, and their work when a node comes or goes. Any thread.
#include "services/services.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/promise.hpp"
#include "services/cron/cron_service.hpp"
#include "services/events/event_service.hpp"
#include "services/global/name_server.hpp"
#include "services/io/user.hpp"
#include "services/net_kernel.hpp"
#include "services/peer_keeper.hpp"
#include "services/pg/scope.hpp"
#include "services/rpc/erpc.hpp"
#include "services/rpc/rex.hpp"

namespace coppice::services {

namespace {

// How long starting all of them may take.
constexpr std::chrono::seconds patience{30};

} // namespace

services::services(runtime::system& system, dist::router& router, const options& chosen)
    : system_(system), router_(router), options_(chosen) {
  router_.on_node_up([this](const dist::peer_info& peer) { discover(peer); });
  if (options_.peers != nullptr) {
    router_.on_node_up([this](const dist::peer_info&) { peer_keeper::wake(system_); });
    router_.on_node_down([this](const dist::peer_info&, const std::string&) { peer_keeper::wake(system_); });
  }
  if (!options_.global) return;
  router_.on_node_up([this](const dist::peer_info& peer) {
    if (!peer.hidden && router_.settings().visible) global_name_server::node_up(system_, peer.name);
  });
  router_.on_node_down([this](const dist::peer_info& peer, const std::string&) {
    if (!peer.hidden && router_.settings().visible) global_name_server::node_down(system_, peer.name);
  });
}

base::status services::start(std::function<void()> gone) {
  std::vector<std::string> scopes = options_.pg;
  if (options_.cron != nullptr) scopes.emplace_back(cron_service::scope);
  auto made = functions::make(router_, options_.rpc, options_.start, scopes);
  if (!made) return unexpected(std::move(made.error()));
  functions_ = std::make_shared<const functions>(std::move(*made));
  router_.set_spawn_handler(remote_spawns(system_, router_, functions_, {options_.spawn, {}}));

  return start_supervisor(std::move(gone));
}

// In an order in which no service needs a later one.
std::vector<service> services::all() {
  const bool visible = router_.settings().visible;
  std::vector<service> out;
  out.push_back({user::registered_name, [] { return std::make_unique<user>(); }});
  out.push_back({net_kernel::registered_name, [] { return std::make_unique<net_kernel>(); }});
  out.push_back({rex::registered_name, [this] { return std::make_unique<rex>(functions_); }});
  for (const std::string& name : options_.pg)
    out.push_back({name,
                   [this, name, visible] {
                     return std::make_unique<pg_scope>(name, visible, router_, options_.bounds);
                   },
                   endless_mailbox});
  if (options_.events != nullptr)
    out.push_back({behaviours::event_channels::service_name,
                   [this] { return std::make_unique<event_service>(*options_.events, options_.bounds); },
                   endless_mailbox});
  if (options_.cron != nullptr)
    out.push_back({cron_service::registered_name, [this] {
                     return std::make_unique<cron_service>(options_.cron, router_, options_.bounds,
                                                           options_.peers, options_.leads);
                   }});
  if (options_.peers != nullptr)
    out.push_back({peer_keeper::registered_name,
                   [this] { return std::make_unique<peer_keeper>(options_.peers, router_); }});
  if (!options_.global) return out;
  out.push_back({global_name_server::registered_name,
                 [this] { return std::make_unique<global_name_server>(router_, options_.bounds); },
                 endless_mailbox});
  return out;
}

base::status services::start_supervisor(std::function<void()> gone) {
  factory_ = std::make_unique<service_factory>(all());
  const auto shared = std::make_shared<const behaviours::supervision>(
      behaviours::supervision{factory_.get(), &tree_, &orders_, {}, {}});
  const auto started = std::make_shared<base::promise<base::status>>();
  auto given = started->result();
  service_events events;
  events.started = [started](base::status how) { started->give(std::move(how)); };
  events.gone = std::move(gone);
  runtime::spawn_options chosen;
  chosen.label = service_supervisor::label;
  chosen.of_node = true;
  auto made = system_.spawn(std::move(chosen), std::make_unique<service_supervisor>(
                                                   factory_->specification(), shared, std::move(events)));
  if (!made) return unexpected(std::move(made.error()).context(service_supervisor::label));
  auto outcome = given.take_within(patience);
  if (!outcome) return base::fail(base::errc::timeout, "they do not come up");
  return std::move(*outcome);
}

void services::discover(const dist::peer_info& peer) {
  if (peer.hidden || !router_.settings().visible) return;
  const auto node = system_.nodes().find(peer.name);
  if (!node) return;
  const auto meet = [this, &node](const std::string& name) {
    if (const auto scope = system_.whereis(name))
      pg_scope::discover(system_, *scope, runtime::destination::remote(name, *node));
  };
  for (const std::string& name : options_.pg) meet(name);
  if (options_.cron != nullptr && std::ranges::find(options_.pg, cron_service::scope) == options_.pg.end())
    meet(cron_service::scope);
}

} // namespace coppice::services
