// SPDX-License-Identifier: MIT
// State machines as tables. A table has a row for each state and a cell for each event, so that no pair is
// forgotten: the compiler refuses a row or a cell that is missing. A machine is a value of one byte. Events
// of other objects and conditions are decided by the machine's owner. Any thread, one at a time.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace coppice::base {

enum class no_transition : std::uint8_t {
  stays, // the event is ignored in this state
  never, // the event cannot happen in this state: an assertion; without assertions it is ignored
};

// A cell of a table: the state that follows.
template <class State>
class next_state {
 public:
  constexpr next_state(State to) : kind_(kind::moves), to_(to) {}
  constexpr next_state(no_transition why)
      : kind_(why == no_transition::never ? kind::never : kind::stays), to_{} {}

  constexpr bool moves() const { return kind_ == kind::moves; }
  constexpr bool is_never() const { return kind_ == kind::never; }
  // Only if it moves.
  constexpr State to() const { return to_; }

 private:
  enum class kind : std::uint8_t { moves, stays, never };

  kind kind_;
  State to_;
};

// `States` and `Events` are the numbers of enumerators, which count from 0 without gaps. Made as
// transition_table<…>{{{ {a, b}, {c, d} }}}, with a row in braces for each state.
template <class State, std::size_t States, class Event, std::size_t Events>
struct transition_table {
  using state = State;
  using event = Event;
  static constexpr std::size_t states = States;
  static constexpr std::size_t events = Events;

  constexpr next_state<State> after(State from, Event on) const {
    return rows[static_cast<std::size_t>(from)][static_cast<std::size_t>(on)];
  }

  std::array<std::array<next_state<State>, Events>, States> rows;
};

// Begins in the first state of its table.
template <const auto& Table>
class state_machine {
 public:
  using table = std::remove_cvref_t<decltype(Table)>;
  using state = typename table::state;
  using event = typename table::event;

  constexpr state_machine() = default;
  explicit constexpr state_machine(state first) : now_(first) {}

  static constexpr next_state<state> after(state from, event on) { return Table.after(from, on); }

  constexpr state now() const { return now_; }
  // True: another state follows, or the same by the table.
  constexpr bool take(event on) {
    const next_state<state> next = Table.after(now_, on);
    assert(!next.is_never());
    if (!next.moves()) return false;
    now_ = next.to();
    return true;
  }

 protected:
  template <class... Those>
  constexpr bool is_any(Those... those) const {
    return ((now_ == those) || ...);
  }

 private:
  state now_{};
};

} // namespace coppice::base
