// SPDX-License-Identifier: MIT
// See connection_kind.hpp.
#include "behaviours/streams/connection_kind.hpp"

#include <utility>

#include "behaviours/gen/stream_taker.hpp"

namespace coppice::behaviours {
namespace {

class connected_actors final : public equipped_actor {
 public:
  explicit connected_actors(std::shared_ptr<const kept_connection> what) : what_(std::move(what)) {}

 private:
  std::string_view gives() const override { return "connections"; }
  bool equip(stream_taker& actor, const child_start&) const override {
    actor.begin_with(what_);
    return true;
  }

  const std::shared_ptr<const kept_connection> what_;
};

} // namespace

std::shared_ptr<const child_kind> connection_kind(std::shared_ptr<const kept_connection> what) {
  return std::make_shared<const connected_actors>(std::move(what));
}

} // namespace coppice::behaviours
