// SPDX-License-Identifier: MIT
// See program_kind.hpp.
#include "behaviours/programs/program_kind.hpp"

#include <utility>

#include "behaviours/gen/stream_taker.hpp"

namespace coppice::behaviours {
namespace {

class program_actors final : public equipped_actor {
 public:
  explicit program_actors(std::shared_ptr<const program_spec> what) : what_(std::move(what)) {}

 private:
  std::string_view gives() const override { return "streams"; }
  bool equip(stream_taker& actor, const child_start&) const override { return actor.begin_with(what_); }

  const std::shared_ptr<const program_spec> what_;
};

} // namespace

std::shared_ptr<const child_kind> program_kind(std::shared_ptr<const program_spec> what) {
  return std::make_shared<const program_actors>(std::move(what));
}

} // namespace coppice::behaviours
