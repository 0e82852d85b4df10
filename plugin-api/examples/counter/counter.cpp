// SPDX-License-Identifier: MIT
// counter: a call {add, N} is answered with the sum so far. The sum survives a reload. Copy this folder to
// begin a plugin of your own; keep one of meson.build and CMakeLists.txt.
#include <coppice/server.hpp>

namespace counter {

struct add {
  std::int64_t amount;
};

class counter_server : public coppice::server {
 public:
  static constexpr std::string_view args_schema = R"({"type":"object","additionalProperties":false})";
  static constexpr std::uint32_t state_version = 1;

  std::int64_t handle_call(const add& request) { return sum_ += request.amount; }

  std::int64_t save_state() const { return sum_; }
  bool restore_state(std::uint32_t version, const std::int64_t& saved) {
    sum_ = saved;
    return version == state_version;
  }

 private:
  std::int64_t sum_ = 0;
};

} // namespace counter

COPPICE_PLUGIN("counter", "1.0.0", counter::counter_server);
