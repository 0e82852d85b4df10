// SPDX-License-Identifier: MIT
// Entries of the tables that plugins call. Each wraps a function of the daemon. Exceptions end here, since C
// code cannot catch them. A check before the call decides whether it is allowed: only in the actor's own
// turn; and in a callback that may only look, only functions that are marked so. A call that is not allowed
// is logged. The function still runs, for an actor without a process, since it must release the arguments
// that it consumes. Any thread.
#pragma once

#include <cxxabi.h>

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "host/boundary/host.hpp"
#include "runtime/scheduling/foreign_code.hpp"

namespace coppice::host {

// The marks of coppice/*.h for functions that take an actor.
enum class marked : std::uint8_t {
  actor, // [actor]
  look,  // [actor] [look]
  any,   // [any]: with an actor only in the actor's turn, elsewhere as without one
};

// A function of an interface, for the log: its own name, and its table's entry, which tells the interface's
// name.
struct host_function {
  std::string_view name;
  const void* entry = nullptr;
};

// Logs that it was called where it is not allowed. In the actor's own turn the fault is also kept with the
// actor: see take_refusal().
[[gnu::cold]] void note_refused(coppice_actor& self, bool its_turn, const host_function& what);

namespace detail {

// The last word of the name that the compiler prints for a function as template argument: "… [with auto
// Function = coppice::host::{anonymous}::send; …]", "… [Function = &coppice::…::send]".
constexpr std::string_view last_name(std::string_view printed) {
  constexpr std::string_view before = "Function = ";
  printed.remove_prefix(printed.find(before) + before.size());
  printed = printed.substr(0, printed.find_first_of(";]<"));
  printed.remove_prefix(printed.rfind(':') + 1);
  return printed.substr(0, printed.find(')'));
}

template <auto Function>
constexpr std::string_view name_of() {
  return last_name(__PRETTY_FUNCTION__);
}

} // namespace detail

// Logs the function whose exception is being handled. COPPICE_E_MEMORY: no memory was left;
// COPPICE_E_INTERNAL: any other exception.
[[gnu::cold]] std::int32_t note_thrown(const host_function& what) noexcept;

// Whether the exception being handled is coppice::exiting, which unwinds the stack of a dead actor. It is
// known by its name, since the type belongs to the plugins. Only in a catch block.
bool is_exiting_caught();

namespace detail {

// Runs call(); an exception becomes a status, or is dropped if the function returns nothing.
template <auto Function, class Call>
[[gnu::always_inline]] inline auto at_border(const void* entry, Call&& call) -> decltype(call()) {
  using result = decltype(call());
  try {
    return call();
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (...) {
    if (is_exiting_caught()) throw; // it unwinds the plugin's code up to the callback's wrapper
    const std::int32_t status = note_thrown({name_of<Function>(), entry});
    if constexpr (std::is_same_v<result, std::int32_t>)
      return status;
    else
      return result();
  }
}

} // namespace detail

// The table's entry for a function that takes no actor.
template <auto Function>
struct plain_entry;
template <class Result, class... Arguments, Result (*Function)(Arguments...)>
struct plain_entry<Function> {
  static Result call(Arguments... arguments) {
    return detail::at_border<Function>(reinterpret_cast<const void*>(&call),
                                       [&]() -> Result { return Function(arguments...); });
  }
};

// The table's entry for `Function(coppice_actor* self, …)`: while it runs, the process counts as running the
// daemon's code. `Noted` runs in place of a Function that a replicated state machine may call in its apply;
// nullptr: there it is refused, as in other callbacks that may only look.
template <auto Function, marked As = marked::actor, auto Noted = nullptr>
struct entry;
template <class Result, class... Arguments, Result (*Function)(coppice_actor*, Arguments...), marked As,
          auto Noted>
struct entry<Function, As, Noted> {
  static Result call(coppice_actor* self, Arguments... arguments) {
    return detail::at_border<Function>(reinterpret_cast<const void*>(&call),
                                       [&]() -> Result { return looked_at(self, arguments...); });
  }

 private:
  [[gnu::always_inline]] static inline Result looked_at(coppice_actor* self, Arguments... arguments) {
    const runtime::host_code ours(self == nullptr ? nullptr : self->process);
    if (self != nullptr && (!ours || (As == marked::actor && self->looking != looking::no))) [[unlikely]] {
      if constexpr (!std::is_null_pointer_v<decltype(Noted)>)
        if (ours && self->extra != nullptr && self->extra->noting != nullptr)
          return Noted(self, arguments...);
      return refused(*self, bool{ours}, arguments...);
    }
    return Function(self, arguments...);
  }

  [[gnu::noinline, gnu::cold]] static Result refused(coppice_actor& self, bool its_turn,
                                                     Arguments... arguments) {
    if constexpr (As != marked::any)
      note_refused(self, its_turn, {detail::name_of<Function>(), reinterpret_cast<const void*>(&call)});
    coppice_actor without_process;
    return Function(&without_process, arguments...);
  }
};

} // namespace coppice::host
