// SPDX-License-Identifier: MIT
// The supervisor of the node's services. In the process's own turn.
#include "services/service_supervisor.hpp"

#include <algorithm>
#include <utility>

#include "runtime/messages/shown.hpp"

namespace coppice::services {
namespace {

// A service that ends more often than this will not be mended by restarts.
constexpr std::uint32_t most_restarts = 5;
constexpr base::nanos within = 10 * base::nanos_per_second;

} // namespace

base::result<std::unique_ptr<runtime::behaviour>> service_factory::make(const runtime::actor_spec& spec) {
  const auto found = std::ranges::find(all_, spec.actor, &service::name);
  if (found == all_.end()) return base::fail(base::errc::not_found, "there is no service " + spec.actor);
  return found->make();
}

std::shared_ptr<const behaviours::supervisor_spec> service_factory::specification() const {
  auto spec = std::make_shared<behaviours::supervisor_spec>();
  spec->intensity = most_restarts;
  spec->period = within;
  for (const service& each : all_) {
    auto child = std::make_shared<behaviours::child_spec>();
    child->id = runtime::message::atom(each.name);
    child->actor = each.name;
    child->name = each.name;
    child->mailbox = each.mailbox;
    child->of_node = true;
    spec->children.push_back(std::move(child));
  }
  return spec;
}

service_supervisor::service_supervisor(std::shared_ptr<const behaviours::supervisor_spec> spec,
                                       std::shared_ptr<const behaviours::supervision> shared,
                                       service_events events)
    : supervisor(std::move(spec), std::move(shared), label), events_(std::move(events)) {}

service_supervisor::~service_supervisor() {
  if (events_.gone) events_.gone();
}

runtime::outcome service_supervisor::on_start(runtime::process& self) {
  runtime::outcome next = supervisor::on_start(self);
  const bool runs = !next.stops();
  if (const auto started = std::exchange(events_.started, nullptr))
    started(runs ? base::status() : base::fail(base::errc::refused, runtime::shown(next.reason())));
  return next;
}

} // namespace coppice::services
