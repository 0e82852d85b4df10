// SPDX-License-Identifier: MIT
// See pool_kind.hpp.
#include "behaviours/pool/pool_kind.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "behaviours/pool/pool.hpp"
#include "behaviours/supervision/patience.hpp"

namespace coppice::behaviours {
namespace {

class pools final : public child_kind {
 public:
  explicit pools(std::shared_ptr<const pool_spec> options) : options_(std::move(options)) {}

  std::string_view name() const override { return "pool"; }
  std::string_view behaviour() const override { return "pool"; }
  base::result<std::unique_ptr<runtime::behaviour>> make(const child_start& of) const override {
    return std::make_unique<pool>(pool_order{of.spec, options_, size_}, of.shared, of.label, of.above);
  }
  std::optional<engine_order> order_for(const std::shared_ptr<const child_spec>& to) const override {
    return engine_order{pool_order{to, options_, size_}, patience(*to->supervisor)};
  }
  // All workers are made alike.
  std::vector<actor_use> actors(const child_spec& of) const override {
    const child_spec& worker = *of.supervisor->children.front();
    return {{{}, worker.actor, worker.args, worker.secrets}};
  }

 private:
  // How long a change to or from `of` may take: its workers start and stop one after the other, also those
  // that it has by hand beyond its size. At most a day and the drain.
  base::nanos patience(const supervisor_spec& of) const {
    constexpr base::nanos longest = 24 * 3600 * base::nanos_per_second;
    const child_spec& worker = *of.children.front();
    const base::nanos each = std::min(start_patience(worker), longest) + stop_patience(worker);
    const auto workers = static_cast<base::nanos>(
        std::max<std::size_t>({of.children.size(), options_->max, size_->load(std::memory_order_relaxed)}));
    return std::min(workers * std::min(each, longest), longest) + options_->drain;
  }

  const std::shared_ptr<const pool_spec> options_;
  // The size of the pool that runs by this kind; 0: none has begun.
  const std::shared_ptr<std::atomic<std::uint32_t>> size_ = std::make_shared<std::atomic<std::uint32_t>>(0);
};

} // namespace

std::shared_ptr<const child_kind> pool_kind(std::shared_ptr<const pool_spec> options) {
  return std::make_shared<const pools>(std::move(options));
}

} // namespace coppice::behaviours
