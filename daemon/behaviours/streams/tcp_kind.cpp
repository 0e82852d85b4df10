// SPDX-License-Identifier: MIT
// See tcp_kind.hpp.
#include "behaviours/streams/tcp_kind.hpp"

#include <utility>

#include "behaviours/streams/tcp_listener.hpp"
#include "behaviours/supervision/child_spec.hpp"
#include "behaviours/supervision/patience.hpp"

namespace coppice::behaviours {
namespace {

class tcp_listeners final : public child_kind {
 public:
  explicit tcp_listeners(std::shared_ptr<const tcp_spec> spec) : spec_(std::move(spec)) {}

  std::string_view name() const override { return "listener"; }
  base::result<std::unique_ptr<runtime::behaviour>> make(const child_start& of) const override {
    return std::make_unique<tcp_listener>(spec_, of.shared, of.env, of.label);
  }
  std::optional<engine_order> order_for(const std::shared_ptr<const child_spec>&) const override {
    return engine_order{tcp_order{spec_}, default_start_patience};
  }
  // The actor of each connection. For a pool's workers nothing is known here.
  std::vector<actor_use> actors(const child_spec&) const override {
    if (spec_->connection == nullptr) return {};
    return {{{}, spec_->connection->actor, spec_->connection->args, spec_->connection->secrets}};
  }

 private:
  const std::shared_ptr<const tcp_spec> spec_;
};

} // namespace

std::shared_ptr<const child_kind> tcp_kind(std::shared_ptr<const tcp_spec> spec) {
  return std::make_shared<const tcp_listeners>(std::move(spec));
}

} // namespace coppice::behaviours
