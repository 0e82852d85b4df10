// SPDX-License-Identifier: MIT
// Supervises the node's services, whose code is part of the daemon. A service that ends is restarted under
// its name. If one ends again and again, or the supervisor itself is ended, the node cannot go on, and `gone`
// tells its starter. In the process's own turn.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "behaviours/supervision/supervisor.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/process.hpp"

namespace coppice::services {

struct service {
  std::string name; // registered name
  std::function<std::unique_ptr<runtime::behaviour>()> make;
  runtime::mailbox_bounds mailbox{};
};

// Makes services by their names. Immutable; any thread.
class service_factory final : public runtime::actor_factory {
 public:
  explicit service_factory(std::vector<service> all) : all_(std::move(all)) {}

  // errc::not_found.
  base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec& spec) override;
  // All services, in starting order: the children of a supervisor.
  std::shared_ptr<const behaviours::supervisor_spec> specification() const;

 private:
  std::vector<service> all_;
};

struct service_events {
  std::function<void(base::status)> started; // called once: all of them run, or why one does not
  std::function<void()> gone;                // the supervisor has ended, and every service with it
};

class service_supervisor final : public behaviours::supervisor {
 public:
  static constexpr const char* label = "services"; // names in reports: services/NAME

  // The objects that `shared` points to must outlive the system. The events must not wait.
  service_supervisor(std::shared_ptr<const behaviours::supervisor_spec> spec,
                     std::shared_ptr<const behaviours::supervision> shared, service_events events);
  ~service_supervisor() override;

 protected:
  runtime::outcome on_start(runtime::process& self) override;

 private:
  service_events events_;
};

} // namespace coppice::services
