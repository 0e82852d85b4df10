// SPDX-License-Identifier: MIT
// Later versions of door. They count their reloads, and save that number too.
// rooms: plugins
#include <coppice/statem.hpp>

#pragma push_macro("COPPICE_PLUGIN")
#undef COPPICE_PLUGIN
#define COPPICE_PLUGIN(...) static_assert(true)
#include "../../../plugins/door/door.cpp"
#pragma pop_macro("COPPICE_PLUGIN")

namespace door {

class next_door : public door_statem {
 public:
  static constexpr std::uint32_t state_version = 2;
  using more_counts = std::tuple<std::int64_t, std::int64_t, std::int64_t>;

  more_counts save_state() const {
    const auto [wrong, through] = door_statem::save_state();
    return {wrong, through, taken_over_};
  }
  void restore_state(coppice::version<1>, const counts& saved) {
    taken_over_ = 1;
    door_statem::restore_state(saved);
  }
  void restore_state(coppice::version<2>, const more_counts& saved) {
    const auto& [wrong, through, times] = saved;
    taken_over_ = times + 1;
    door_statem::restore_state({wrong, through});
  }

 private:
  std::int64_t taken_over_ = 0;
};

} // namespace door

COPPICE_PLUGIN("door", VERSION, door::next_door);
