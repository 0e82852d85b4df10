// SPDX-License-Identifier: MIT
// my_pool: a worker of a pool. {square, N} is answered with the square of N by the worker that N chooses;
// `get` with how many the worker has answered. Without room in the pool the answer is {error, busy}.
#include <coppice/pool.hpp>
#include <coppice/server.hpp>

namespace {

namespace etf = coppice::etf;

struct square {
  std::int64_t number;
};
using get = etf::constant<"get">;
using refusal = std::pair<etf::constant<"error">, etf::constant<"busy">>;

class worker : public coppice::server {
 public:
  // The schema of the `args` of the pool: `coppice check` holds a configuration against it.
  static constexpr std::string_view args_schema = R"({"type":"object","additionalProperties":false})";
  // The version of the state that save_state returns. Raise it when its form changes, and overload
  // restore_state by the number: restore_state(coppice::version<1>, …) reads the former state.
  static constexpr std::uint32_t state_version = 1;
  using calls = std::variant<square, get>;

  // choose and on_overload run in the pool, while all its callers wait: so they only compute.
  static std::optional<std::uint32_t> choose(const coppice::pool_request& what) {
    const auto asked = what.as<square>();
    if (!asked) return std::nullopt; // `dispatch` decides
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(asked->number) % what.workers());
  }
  static coppice::overload on_overload(const coppice::pool_request&) {
    return coppice::overload::answer(refusal{});
  }

  std::int64_t handle_call(const square& request) {
    ++answered_;
    return request.number * request.number;
  }
  std::int64_t handle_call(const get&) { return answered_; }

  std::int64_t save_state() const { return answered_; }
  void restore_state(const std::int64_t& saved) { answered_ = saved; }

 private:
  std::int64_t answered_ = 0;
};

} // namespace

COPPICE_PLUGIN("my_pool", "0.1.0", worker);
