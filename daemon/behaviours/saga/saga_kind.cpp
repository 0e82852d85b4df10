// SPDX-License-Identifier: MIT
// See saga_kind.hpp.
#include "behaviours/saga/saga_kind.hpp"

#include "behaviours/gen/stream_taker.hpp"
#include "behaviours/journal/journal.hpp"
#include "behaviours/supervision/supervision.hpp"

namespace coppice::behaviours {
namespace {

class durable_sagas final : public equipped_actor {
 private:
  std::string_view gives() const override { return "log"; }
  bool equip(stream_taker& actor, const child_start& of) const override {
    journal* const log = of.shared->resources.find<journal>();
    return log == nullptr || actor.begin_with(*log); // without one the actor says so at its start
  }
};

} // namespace

std::shared_ptr<const child_kind> saga_kind() {
  static const auto made = std::make_shared<const durable_sagas>();
  return made;
}

} // namespace coppice::behaviours
