// SPDX-License-Identifier: MIT
// See event_manager_kind.hpp.
#include "behaviours/event_manager/event_manager_kind.hpp"

#include <utility>

#include "behaviours/event_manager/event_manager.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::behaviours {
namespace {

class event_managers final : public child_kind {
 public:
  explicit event_managers(std::shared_ptr<const event_manager_spec> options) : options_(std::move(options)) {}

  std::string_view name() const override { return "event manager"; }
  base::result<std::unique_ptr<runtime::behaviour>> make(const child_start& of) const override {
    return std::make_unique<event_manager>(of.spec, options_, of.shared, of.env, of.label);
  }
  std::vector<actor_use> actors(const child_spec&) const override {
    std::vector<actor_use> out;
    for (const event_handler_spec& one : options_->handlers)
      out.push_back({"/" + runtime::shown(one.name), one.actor, one.args, one.secrets});
    return out;
  }

 private:
  const std::shared_ptr<const event_manager_spec> options_;
};

} // namespace

std::shared_ptr<const child_kind> event_manager_kind(std::shared_ptr<const event_manager_spec> options) {
  return std::make_shared<const event_managers>(std::move(options));
}

} // namespace coppice::behaviours
