// SPDX-License-Identifier: MIT
// What stands in the tables that plugins call: a function of ours, around it the border where what it throws
// ends, as C code has nothing to catch it with, and before it the look whether it may be called here: by an
// actor in its own turn, and in a callback that may only look by nothing but what is marked so. A call that
// may not be made is named in the log; the function is called all the same, for an actor without a process,
// since it has to take what it was given to consume. Any thread.
#pragma once

#include <cxxabi.h>

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "host/boundary/host.hpp"
#include "runtime/scheduling/foreign_code.hpp"

namespace coppice::host {

// How coppice/*.h mark a function that takes an actor.
enum class marked : std::uint8_t {
  actor, // [actor]
  look,  // [actor] [look]
  any,   // [any]: with an actor only in its own turn, elsewhere as if without one
};

// A function of an interface, for the log: its own name, and the table's entry, which tells the interface's.
struct host_function {
  std::string_view name;
  const void* entry = nullptr;
};

// Says in the log that it was called where it may not be. In its own turn also what the callback that runs
// has done wrong is kept with the actor: see take_refusal().
[[gnu::cold]] void note_refused(coppice_actor& self, bool its_turn, const host_function& what);

namespace detail {

// The last word of the name that the compiler prints for a function given as a template's argument:
// "… [with auto Function = coppice::host::{anonymous}::send; …]", "… [Function = &coppice::…::send]".
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

// Names the function whose exception is being handled in the log. COPPICE_E_MEMORY: there was none;
// COPPICE_E_INTERNAL: any other.
[[gnu::cold]] std::int32_t note_thrown(const host_function& what) noexcept;

// Whether the exception that is being handled is coppice::exiting, which unwinds the stack of an actor that
// is dead: known by its name, as the type is the plugins'. Only in a catch block.
bool is_exiting_caught();

namespace detail {

// Runs call(); what it throws becomes a status, or of a function that has none nothing.
template <auto Function, class Call>
[[gnu::always_inline]] inline auto at_border(const void* entry, Call&& call) -> decltype(call()) {
  using result = decltype(call());
  try {
    return call();
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (...) {
    if (is_exiting_caught()) throw; // on its way through a plugin's code to its callback's border
    const std::int32_t status = note_thrown({name_of<Function>(), entry});
    if constexpr (std::is_same_v<result, std::int32_t>)
      return status;
    else
      return result();
  }
}

} // namespace detail

// A table's entry for a function that takes no actor.
template <auto Function>
struct plain_entry;
template <class Result, class... Arguments, Result (*Function)(Arguments...)>
struct plain_entry<Function> {
  static Result call(Arguments... arguments) {
    return detail::at_border<Function>(reinterpret_cast<const void*>(&call),
                                       [&]() -> Result { return Function(arguments...); });
  }
};

// A table's entry for `Function(coppice_actor* self, …)`: while it runs the process is in code of ours again.
template <auto Function, marked As = marked::actor>
struct entry;
template <class Result, class... Arguments, Result (*Function)(coppice_actor*, Arguments...), marked As>
struct entry<Function, As> {
  static Result call(coppice_actor* self, Arguments... arguments) {
    return detail::at_border<Function>(reinterpret_cast<const void*>(&call),
                                       [&]() -> Result { return looked_at(self, arguments...); });
  }

 private:
  [[gnu::always_inline]] static inline Result looked_at(coppice_actor* self, Arguments... arguments) {
    const runtime::host_code ours(self == nullptr ? nullptr : self->process);
    if (self != nullptr && (!ours || (As == marked::actor && self->looking != looking::no))) [[unlikely]]
      return refused(*self, bool{ours}, arguments...);
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
