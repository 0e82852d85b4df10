// SPDX-License-Identifier: MIT
// rooms: node
// The configuration's half of the kind: the key `tally`, its rows and its check.
#include "own_kind/tally.hpp"
#include "spec/kinds/kinds.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

const table<tally_options>& tally_table() {
  static const auto rows =
      table<tally_options>()
          .add<&tally_options::step>("step", whole<std::uint32_t>(1, 1000), "what a call adds")
          .live()
          .add<&tally_options::from>("from", whole<std::uint32_t>(0, 1000), "what the total begins with")
          .check([](reader& from, const node& at, tally_options& tally) {
            if (tally.step == 13) from.error(at, from.path + ".step: is not 13");
          });
  return rows;
}

class tally_of_children final : public kind_of<tally_options> {
 public:
  tally_of_children()
      : kind_of("tally", form{"a tally", {}}, &tally_table, "a total that calls add to", compared::by_key) {}
};

} // namespace

const kind& tally_kind() {
  static const tally_of_children made;
  return made;
}

} // namespace coppice::spec
