// SPDX-License-Identifier: MIT
// Runs the node's services: a supervisor like any other over children that are the node's own code. A service
// that ends is started anew under its name; where one ends again and again, or where the supervisor itself is
// ended by somebody, the node has no way on, and who started it is told. In the process's own turn.
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
  std::string name; // registered
  std::function<std::unique_ptr<runtime::behaviour>()> make;
  runtime::mailbox_bounds mailbox{};
};

// Makes services by their names. Immutable; any thread.
class service_factory final : public runtime::actor_factory {
 public:
  explicit service_factory(std::vector<service> all) : all_(std::move(all)) {}

  // errc::not_found.
  base::result<std::unique_ptr<runtime::behaviour>> make(const runtime::actor_spec& spec) override;
  // All of them, in their order: what a supervisor starts.
  std::shared_ptr<const behaviours::supervisor_spec> specification() const;

 private:
  std::vector<service> all_;
};

struct service_events {
  std::function<void(base::status)> started; // once: all of them run, or why one did not
  std::function<void()> gone;                // the supervisor is, and with it every service
};

class service_supervisor final : public behaviours::supervisor {
 public:
  static constexpr const char* label = "services"; // theirs are services/NAME

  // What `shared` points to outlives the system. The events may not wait.
  service_supervisor(std::shared_ptr<const behaviours::supervisor_spec> spec,
                     std::shared_ptr<const behaviours::supervision> shared, service_events events);
  ~service_supervisor() override;

 protected:
  runtime::outcome on_start(runtime::process& self) override;

 private:
  service_events events_;
};

} // namespace coppice::services
