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
  // The version's number says what the state is. What it looks like does not: states may look alike.
  bool restore_state(std::uint32_t version, const coppice::term& saved) {
    if (version == 1) {
      sum_ = read<state_1>(saved);
      times_ = 1; // 1.0.0 did not count
      return true;
    }
    if (version != state_version) return false;
    std::tie(sum_, times_) = read<state_2>(saved);
    return true;
  }

 private:
  template <class T>
  static T read(coppice::term from) {
    auto got = coppice::etf::decode<T>(from.encoded);
    if (!got) throw std::runtime_error(got.error().text()); // the reload is refused, with this text
    return *got;
  }
  std::int64_t sum_ = 0;
  std::int64_t times_ = 0;
};

} // namespace counter

COPPICE_PLUGIN("counter", "2.0.0", counter::counter_server);
