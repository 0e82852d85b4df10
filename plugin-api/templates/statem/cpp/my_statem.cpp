// SPDX-License-Identifier: MIT
// my_statem: a state machine, a lamp. The cast `push` switches it on or off; it goes off by itself after
// args.lit. The call `get` is answered with {State, Times switched on}.
#include <coppice/statem.hpp>

namespace {

namespace etf = coppice::etf;
using coppice::term;
using coppice::transition;

enum class light { off, on };

using push = etf::constant<"push">;
using get = etf::constant<"get">;

struct options {
  std::optional<std::chrono::milliseconds> lit;
};

class lamp : public coppice::statem<light> {
 public:
  // The schema of the `args` of a child of this type: `coppice check` holds a configuration against it.
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"properties":{)"
      R"("lit":{"type":"integer","format":"duration","minimum":1,)"
      R"("description":"how long it stays on; 10s without it"}}})";
  // The version of the state that save_state returns. Raise it when its form changes, and overload
  // restore_state by the number: restore_state(coppice::version<1>, …) reads the former state.
  static constexpr std::uint32_t state_version = 1;
  // The states that `coppice inspect --dot` draws.
  static constexpr edge states[] = {{light::off, "push", light::on},
                                    {light::on, "push", light::off},
                                    {light::on, "state_timeout", light::off}};

  void configure(const options& args) { lit_ = args.lit.value_or(std::chrono::seconds(10)); }
  transition init() { return next(light::off); }
  transition handle_cast(light now, const push&) { return next(now == light::off ? light::on : light::off); }
  transition handle_call(light now, const get&, term from) {
    return keep().reply(from, std::pair(etf::atom{now == light::on ? "on" : "off"}, times_));
  }
  transition enter(light, light now) {
    if (now == light::off) return keep();
    ++times_;
    return keep().state_timeout(lit_);
  }
  transition handle_state_timeout(light, term) { return next(light::off); }

  // The node keeps the machine's state and its time-outs.
  std::int64_t save_state() const { return times_; }
  void restore_state(const std::int64_t& saved) { times_ = saved; }

 private:
  std::chrono::nanoseconds lit_{};
  std::int64_t times_ = 0;
};

} // namespace

COPPICE_PLUGIN("my_statem", "0.1.0", lamp);
