// SPDX-License-Identifier: MIT
// counter: a call {add, N} is answered with the sum so far, `average` with the average of what was added. Its
// state survives a reload, and is in its second version: 1.0.0 saved the sum alone. Both are read here, so
// that this file can take the place of 1.0.0 in a running node. Going back is a reload like any other: 1.0.0
// refuses what it does not know, and this version goes on, unless 1.0.0 reads both as well. Copy this folder
// to begin a plugin of your own; keep one of meson.build and CMakeLists.txt.
#include <coppice/server.hpp>

namespace counter {

struct add {
  std::int64_t amount;
};

using average = coppice::etf::constant<"average">;

class counter_server : public coppice::server {
 public:
  static constexpr std::string_view args_schema = R"({"type":"object","additionalProperties":false})";
  static constexpr std::uint32_t state_version = 2;
  using calls = std::variant<add, average>;

  std::int64_t handle_call(const add& request) {
    ++times_;
    return sum_ += request.amount;
  }
  double handle_call(const average&) { return times_ == 0 ? 0 : double(sum_) / double(times_); }

  using state_1 = std::int64_t;                          // sum
  using state_2 = std::pair<std::int64_t, std::int64_t>; // sum, times
  state_2 save_state() const { return {sum_, times_}; }
  void restore_state(coppice::version<1>, const state_1& saved) {
    sum_ = saved;
    times_ = 1; // 1.0.0 did not count
  }
  void restore_state(coppice::version<2>, const state_2& saved) { std::tie(sum_, times_) = saved; }

 private:
  std::int64_t sum_ = 0;
  std::int64_t times_ = 0;
};

} // namespace counter

COPPICE_PLUGIN("counter", "2.0.0", counter::counter_server);
