// SPDX-License-Identifier: MIT
// See statem.hpp.
#include "spec/kinds/statem.hpp"

#include "spec/kinds/kinds.hpp"
#include "spec/kinds/of_class.hpp"
#include "spec/schema/child_check.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

const table<postponed_options>& postponed_table() {
  static const auto rows =
      table<postponed_options>()
          .add<&postponed_options::limit>("limit", whole<std::uint32_t>(0, 10'000'000),
                                          "events it may postpone at once")
          .add<&postponed_options::on_full>(
              "on_full",
              choice<postponed_overload>({{"exit", postponed_overload::exit},
                                          {"drop_new", postponed_overload::drop_new},
                                          {"drop_old", postponed_overload::drop_old}}),
              "what becomes of one beyond that. exit: the state machine ends with postponed_full; drop_new: "
              "it is dropped; drop_old: the oldest is");
  return rows;
}

const table<statem_options>& statem_table() {
  static const auto rows = table<statem_options>().add<&statem_options::postponed>(
      "postponed", section<postponed_options>(&postponed_table),
      "events that wait for another state; OTP has no such bound");
  return rows;
}

class statem_of_children final : public kind_of<statem_options> {
 public:
  statem_of_children()
      : kind_of("statem", {}, &statem_table, "of an actor whose behaviour is statem; absent: the defaults",
                compared::whole) {}

 private:
  void check_class(child_check& with, const named_actor& actor) const override {
    refuse_beside_others(with.to, actor, *this, "statem");
  }
};

} // namespace

const kind& statem_kind() {
  static const statem_of_children made;
  return made;
}

} // namespace coppice::spec
