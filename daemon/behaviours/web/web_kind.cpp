// SPDX-License-Identifier: MIT
// See web_kind.hpp.
#include "behaviours/web/web_kind.hpp"

#include <utility>

#include "behaviours/supervision/child_spec.hpp"
#include "behaviours/supervision/patience.hpp"

namespace coppice::behaviours {
namespace {

class web_servers final : public child_kind {
 public:
  explicit web_servers(web_order what) : what_(std::move(what)) {}

  std::string_view name() const override { return "listener"; }
  base::result<std::unique_ptr<runtime::behaviour>> make(const child_start& of) const override {
    return std::make_unique<web_listener>(what_, of.shared, of.env, of.label);
  }
  runtime::message restart_notice() const override { return web_listener::restart_notice(); }
  std::optional<engine_order> order_for(const std::shared_ptr<const child_spec>&) const override {
    return engine_order{what_, default_start_patience};
  }
  // The actors that routes make for clients.
  std::vector<actor_use> actors(const child_spec&) const override {
    std::vector<actor_use> out;
    for (const web_route& one : what_.site->routes)
      if (one.actor != nullptr)
        out.push_back(
            {": " + std::string(one.path.text()), one.actor->actor, one.actor->args, one.actor->secrets});
    return out;
  }

 private:
  const web_order what_;
};

} // namespace

std::shared_ptr<const child_kind> web_kind(web_order what) {
  return std::make_shared<const web_servers>(std::move(what));
}

} // namespace coppice::behaviours
