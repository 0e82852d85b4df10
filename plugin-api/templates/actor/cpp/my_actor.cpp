// SPDX-License-Identifier: MIT
// my_actor: a server. The call {add, N} is answered with the sum so far; the cast `reset` sets the sum back
// to args.start. The sum survives a reload.
#include <coppice/server.hpp>

namespace {

namespace etf = coppice::etf;

struct add {
  std::int64_t amount;
};
using reset = etf::constant<"reset">;

struct options {
  static constexpr etf::form etf_form = etf::form::map;
  std::optional<std::int64_t> start;
};

class counter : public coppice::server {
 public:
  // The schema of the `args` of a child of this type: `coppice check` holds a configuration against it.
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"properties":{)"
      R"("start":{"type":"integer","description":"the first sum; 0 without it"}}})";
  // The version of the state that save_state returns. Raise it when its form changes, and overload
  // restore_state by the number: restore_state(coppice::version<1>, …) reads the former state.
  static constexpr std::uint32_t state_version = 1;

  void init(const options& args) { sum_ = start_ = args.start.value_or(0); }

  std::int64_t handle_call(const add& request) { return sum_ += request.amount; }
  void handle_cast(const reset&) { sum_ = start_; }

  using state = std::pair<std::int64_t, std::int64_t>;
  state save_state() const { return {start_, sum_}; }
  void restore_state(const state& saved) { std::tie(start_, sum_) = saved; }

 private:
  std::int64_t start_ = 0;
  std::int64_t sum_ = 0;
};

} // namespace

COPPICE_PLUGIN("my_actor", "0.1.0", counter);
