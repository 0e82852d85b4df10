// SPDX-License-Identifier: MIT
// door: a state machine. The door is locked, opens for a while after the right code, and accepts no code for
// a while after three wrong ones. A push at a door that is not open is postponed until it opens. Over a
// reload the node keeps the state, the postponed events and the time left; this class saves its counters.
#include <coppice/statem.hpp>

namespace door {

using coppice::term;
using coppice::transition;
namespace etf = coppice::etf;
using namespace std::chrono_literals;

enum class state { locked, open, blocked };

// Messages.
struct code {
  std::int64_t digits;
};
using passed = etf::constant<"passed">;
using push = etf::constant<"push">;

struct settings {
  std::optional<std::int64_t> code;
  std::optional<std::chrono::milliseconds> open_for, blocked_for;
};

class door_statem : public coppice::statem<state> {
 public:
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"properties":{)"
      R"("code":{"type":"integer","description":"what opens it; 4711 without it"},)"
      R"("open_for":{"type":"integer","format":"duration","minimum":1,)"
      R"("description":"how long it stays open; 10s without it"},)"
      R"("blocked_for":{"type":"integer","format":"duration","minimum":1,)"
      R"("description":"how long it takes no code; 30s without it"}}})";
  static constexpr std::uint32_t state_version = 1;
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  static constexpr coppice::taken takes[] = {coppice::taken::calls, coppice::taken::casts};
  // The graph that `coppice inspect --dot` draws.
  static constexpr edge states[] = {{state::locked, "code", state::open},
                                    {state::locked, "third wrong code", state::blocked},
                                    {state::open, "state_timeout", state::locked},
                                    {state::blocked, "state_timeout", state::locked}};

  using calls = std::variant<code, passed>;

  void configure(const settings& args) {
    code_ = args.code.value_or(4711);
    open_for_ = args.open_for.value_or(10s);
    blocked_for_ = args.blocked_for.value_or(30s);
  }
  transition init() { return next(state::locked); }

  transition handle_call(state now, const code& typed, term from) {
    if (now == state::blocked) return keep().postpone();
    if (typed.digits == code_) {
      wrong_ = 0;
      return next(state::open).reply(from, true);
    }
    if (++wrong_ < 3) return keep().reply(from, false);
    wrong_ = 0;
    return next(state::blocked).reply(from, false);
  }
  transition handle_call(state, const passed&, term from) { return keep().reply(from, passed_); }

  transition handle_cast(state now, const push&) {
    if (now != state::open) return keep().postpone();
    ++passed_;
    return keep();
  }

  transition enter(state, state now) {
    if (now == state::open) return keep().state_timeout(open_for_);
    if (now == state::blocked) return keep().state_timeout(blocked_for_);
    return keep();
  }
  transition handle_state_timeout(state, term) { return next(state::locked); }

  using counts = std::pair<std::int64_t, std::int64_t>;
  counts save_state() const { return {wrong_, passed_}; }
  void restore_state(const counts& saved) { std::tie(wrong_, passed_) = saved; }

 private:
  std::int64_t code_ = 0;
  std::chrono::nanoseconds open_for_{};
  std::chrono::nanoseconds blocked_for_{};
  std::int64_t wrong_ = 0; // in a row
  std::int64_t passed_ = 0;
};

} // namespace door

COPPICE_PLUGIN("door", "1.0.0", door::door_statem);
