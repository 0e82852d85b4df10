// SPDX-License-Identifier: MIT
// See saga_kind.hpp.
#include "behaviours/saga/saga_kind.hpp"

#include <utility>

#include "behaviours/gen/stream_taker.hpp"
#include "behaviours/journal/journal.hpp"
#include "behaviours/saga/saga_job.hpp"
#include "behaviours/supervision/child_spec.hpp"
#include "behaviours/supervision/supervision.hpp"

namespace coppice::behaviours {
namespace {

class equipped_saga final : public equipped_actor {
 public:
  equipped_saga(bool durable, std::shared_ptr<const saga_worker_options> workers)
      : durable_(durable), workers_(std::move(workers)) {}

  std::vector<actor_use> actors(const child_spec& of) const override {
    std::vector<actor_use> out = child_kind::actors(of);
    if (workers_ != nullptr) out.push_back({"/worker", workers_->actor, workers_->args, workers_->secrets});
    return out;
  }

 private:
  std::string_view gives() const override { return durable_ ? "log" : "workers"; }
  bool equip(stream_taker& actor, const child_start& of) const override {
    journal* const log = durable_ ? of.shared->resources.find<journal>() : nullptr;
    if (log != nullptr && !actor.begin_with(*log)) return false; // without one the actor says so at its start
    if (workers_ == nullptr) return true;
    auto made = std::make_shared<saga_worker_spec>();
    made->options = *workers_;
    made->env = of.env;
    made->label = of.label;
    made->priority = of.spec->priority;
    made->compression = of.spec->compression;
    made->factory = of.shared->factory;
    return actor.begin_with(std::shared_ptr<const saga_worker_spec>(std::move(made)));
  }

  const bool durable_;
  const std::shared_ptr<const saga_worker_options> workers_; // null: none
};

} // namespace

std::shared_ptr<const child_kind> saga_kind(bool durable,
                                            std::shared_ptr<const saga_worker_options> workers) {
  return std::make_shared<const equipped_saga>(durable, std::move(workers));
}

} // namespace coppice::behaviours
