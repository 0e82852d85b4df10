// SPDX-License-Identifier: MIT
// steps: a replicated state machine whose code comes in three layouts. The first knows version 1, the second
// 1 and 2, the third 2. The state is a sum; in version 2 it also has the number of commands, and a command
// counts tenfold.
#include <coppice/raft.hpp>

#include <cstdint>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>

namespace {

namespace etf = coppice::etf;

struct add { // {add, N}
  std::int64_t amount = 0;
};
using sum = etf::constant<"sum">;

class steps_machine : public coppice::raft_machine {
 public:
  static constexpr std::string_view name = "steps";
  static constexpr std::uint32_t state_version = LAYOUT == 1 ? 1 : 2;
  static constexpr std::uint32_t oldest_version = LAYOUT == 3 ? 2 : 1;
  using counted = std::tuple<std::int64_t, std::int64_t>;
  using state = std::variant<std::int64_t, counted>;

  // Returns {Version, Sum}.
  std::pair<std::uint32_t, std::int64_t> apply(const coppice::entry& at, const add& what) {
    sum_ += what.amount * (at.version() > 1 ? 10 : 1);
    if (at.version() > 1) ++count_;
    return {at.version(), sum_};
  }
  std::int64_t handle_query(const sum&) const { return sum_; }

  state save_state() const { return save(state_version); }
  state save(std::uint32_t version) const {
    return version == 1 ? state(sum_) : state(counted(sum_, count_));
  }
  bool restore_state(std::uint32_t version, const state& saved) {
    if (version < oldest_version || version > state_version) return false;
    if (version == 1)
      sum_ = std::get<std::int64_t>(saved);
    else
      std::tie(sum_, count_) = std::get<counted>(saved);
    return true;
  }

 private:
  std::int64_t sum_ = 0, count_ = 0;
};

} // namespace

COPPICE_PLUGIN("steps", "1.0.0", steps_machine);
