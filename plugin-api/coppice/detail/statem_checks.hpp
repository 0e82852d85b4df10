// SPDX-License-Identifier: MIT
// Compile-time checks of a state machine's class; each mistake gives a sentence that names the remedy. The
// checks for all actors in coppice/detail/checks.hpp come first.
#pragma once

#include <coppice/detail/checks.hpp>

#include <type_traits>

namespace coppice {
class transition;
}

namespace coppice::detail {

/// The callbacks of a state machine, and common misspellings of them. `enter` is missing, since every actor
/// has a function of that name.
struct statem_member_names {
  int init, handle_continue, on_response;
  int handle_call, handle_cast, handle_info, handle_internal, handle_event, handle_state_timeout,
      handle_event_timeout, handle_timeout;
  int handleCall, handle_calls, on_call, handleCast, handle_casts, on_cast, handleInfo, handle_infos, on_info;
  int handleEvent, on_event, handle_internals, on_internal, handle_state_time_out, state_timeout,
      handle_named_timeout, handle_timeouts, on_timeout, handle_enter, on_enter, state_enter, callback_mode;
};
template <class T>
struct statem_probed : T, statem_member_names {};

#define COPPICE_HAS_(member) (!requires { &statem_probed<T>::member; })
#define COPPICE_REACHES_(member) \
  requires {                     \
    &T::member;                  \
  }
#define COPPICE_LISTS_(list) \
  requires {                 \
    typename T::list;        \
  }
#define COPPICE_CHECK_(sentence, ...)  \
  if constexpr (!(__VA_ARGS__)) {      \
    static_assert(never<T>, sentence); \
    return false;                      \
  }
#define COPPICE_NOT_(slip, name)                                                                 \
  COPPICE_CHECK_("this class has " #slip ", which nothing calls: the callback's name is " #name, \
                 COPPICE_HAS_(name) || !COPPICE_HAS_(slip))
#define COPPICE_RETURNS_(handler)                                                                    \
  COPPICE_CHECK_(#handler                                                                            \
                 " of a state machine returns its transition: coppice::transition, as next(state), " \
                 "keep() and repeat() give it",                                                      \
                 std::is_same_v<returned_by<decltype(&T::handler)>, transition>)
// A handler of (State, const M&), or with one more parameter.
#define COPPICE_HANDLER_(handler, list, parameters, declaration)                                    \
  COPPICE_CHECK_("nothing can call " #handler                                                       \
                 " of this class: make it public, and where it is overloaded "                      \
                 "or a template list its messages: using " #list " = std::variant<first, second>;", \
                 !COPPICE_HAS_(handler) || COPPICE_REACHES_(handler) || COPPICE_LISTS_(list))       \
  COPPICE_CHECK_("this class lists " #list " and has no " #handler " for them",                     \
                 COPPICE_HAS_(handler) || !COPPICE_LISTS_(list))                                    \
  if constexpr (COPPICE_HAS_(handler) && COPPICE_REACHES_(handler)) {                               \
    COPPICE_RETURNS_(handler)                                                                       \
    COPPICE_CHECK_(#handler " is declared otherwise than it is called: " declaration,               \
                   signature<decltype(&T::handler)>::count == parameters &&                         \
                       std::is_same_v<parameter_of<&T::handler, 0>, typename T::state_type>)        \
  }

template <class Function>
struct return_of {
  using type = void;
};
template <class Class, class Result, class... Of>
struct return_of<Result (Class::*)(Of...)> {
  using type = Result;
};
template <class Class, class Result, class... Of>
struct return_of<Result (Class::*)(Of...) const> {
  using type = Result;
};
template <class Function>
using returned_by = typename return_of<Function>::type;

template <class T>
constexpr bool has_statem_names() {
  COPPICE_CHECK_(
      "a state machine has no handle_continue: let init insert an event, next(state).next_event(…)",
      !COPPICE_HAS_(handle_continue))
  COPPICE_CHECK_(
      "this class has on_response, which nothing calls in a state machine: name the member that takes the "
      "answer, request<&shop::on_price>(to, message)",
      !COPPICE_HAS_(on_response))
  COPPICE_NOT_(handleCall, handle_call)
  COPPICE_NOT_(handle_calls, handle_call)
  COPPICE_NOT_(on_call, handle_call)
  COPPICE_NOT_(handleCast, handle_cast)
  COPPICE_NOT_(handle_casts, handle_cast)
  COPPICE_NOT_(on_cast, handle_cast)
  COPPICE_NOT_(handleInfo, handle_info)
  COPPICE_NOT_(handle_infos, handle_info)
  COPPICE_NOT_(on_info, handle_info)
  COPPICE_NOT_(handleEvent, handle_event)
  COPPICE_NOT_(on_event, handle_event)
  COPPICE_NOT_(handle_internals, handle_internal)
  COPPICE_NOT_(on_internal, handle_internal)
  COPPICE_NOT_(handle_state_time_out, handle_state_timeout)
  COPPICE_NOT_(handle_named_timeout, handle_timeout)
  COPPICE_NOT_(handle_timeouts, handle_timeout)
  COPPICE_NOT_(on_timeout, handle_timeout)
  constexpr bool enters =
      !COPPICE_HAS_(handle_enter) && !COPPICE_HAS_(on_enter) && !COPPICE_HAS_(state_enter);
  COPPICE_CHECK_(
      "this class has handle_enter, on_enter or state_enter, which nothing calls: the callback's "
      "name is enter",
      enters)
  COPPICE_CHECK_(
      "this class has callback_mode, which nothing calls: there is one handle_… for all states, "
      "which is given the state, and enter is called if the class has it",
      !COPPICE_HAS_(callback_mode))
  return true;
}

template <class T>
constexpr bool has_statem_handlers() {
  COPPICE_CHECK_("a state machine begins with a state: transition init() { return next(first); }",
                 COPPICE_HAS_(init))
  if constexpr (COPPICE_REACHES_(init)) {
    COPPICE_RETURNS_(init)
  }
  COPPICE_HANDLER_(handle_call, calls, 3,
                   "coppice::transition handle_call(State, const M&, coppice::term from)")
  COPPICE_HANDLER_(handle_cast, casts, 2, "coppice::transition handle_cast(State, const M&)")
  COPPICE_HANDLER_(handle_info, infos, 2, "coppice::transition handle_info(State, const M&)")
  COPPICE_HANDLER_(handle_internal, internals, 2, "coppice::transition handle_internal(State, const M&)")
  COPPICE_HANDLER_(handle_state_timeout, state_timeouts, 2,
                   "coppice::transition handle_state_timeout(State, const M&), where M may be coppice::term")
  COPPICE_HANDLER_(handle_event_timeout, event_timeouts, 2,
                   "coppice::transition handle_event_timeout(State, const M&), where M may be coppice::term")
  COPPICE_HANDLER_(handle_timeout, timeouts, 3,
                   "coppice::transition handle_timeout(State, coppice::term name, const M&), where M may be "
                   "coppice::term")
  COPPICE_CHECK_(
      "nothing can call handle_event of this class: make it public, and one function that is "
      "neither overloaded nor a template nor static",
      !COPPICE_HAS_(handle_event) || COPPICE_REACHES_(handle_event))
  if constexpr (COPPICE_HAS_(handle_event)) {
    COPPICE_RETURNS_(handle_event)
    constexpr bool fits = requires(T & t, const typename T::state_type& now, const typename T::event& e) {
      t.handle_event(now, e);
    };
    COPPICE_CHECK_(
        "handle_event is declared otherwise than it is called: coppice::transition "
        "handle_event(State, const event&)",
        fits)
  }
  COPPICE_CHECK_(
      "nothing can call enter of this class: make it public, and one function that is neither "
      "overloaded nor a template nor static",
      COPPICE_REACHES_(enter))
  if constexpr (!std::is_same_v<decltype(&T::enter), decltype(&actor::enter)>) {
    COPPICE_RETURNS_(enter)
    constexpr bool fits = requires(T & t, const typename T::state_type& s) {
      t.enter(s, s);
    };
    COPPICE_CHECK_(
        "enter is declared otherwise than it is called: coppice::transition enter(State before, State now)",
        fits)
  }
  COPPICE_CHECK_(
      "this class has nothing that a state machine does: give it a public handle_call, handle_cast, "
      "handle_info or handle_event",
      COPPICE_HAS_(handle_call) || COPPICE_HAS_(handle_cast) || COPPICE_HAS_(handle_info) ||
          COPPICE_HAS_(handle_event) || COPPICE_HAS_(handle_internal) || COPPICE_HAS_(handle_timeout) ||
          COPPICE_HAS_(handle_state_timeout) || COPPICE_HAS_(handle_event_timeout))
  return true;
}

/// Whether T can be the class of a state machine. Gives a sentence for the first mistake.
template <class T>
constexpr bool is_statem_class() {
  if constexpr (!is_actor_class<T>()) {
    return false;
  } else if constexpr (!has_lifecycle_names<T>() || !has_statem_names<T>()) {
    return false;
  } else {
    return has_lifecycle<T>() && has_statem_handlers<T>();
  }
}

#undef COPPICE_HAS_
#undef COPPICE_REACHES_
#undef COPPICE_LISTS_
#undef COPPICE_CHECK_
#undef COPPICE_NOT_
#undef COPPICE_RETURNS_
#undef COPPICE_HANDLER_

} // namespace coppice::detail
