// SPDX-License-Identifier: MIT
// A state machine in C++: derive from coppice::statem<State>, write the callbacks you need, and name the
// class in COPPICE_PLUGIN. State is any type that has an encoding and can be compared, usually an enum; the
// members of the class are the data. Each callback returns its transition:
//
//   transition init([const Args&])                         starts with next(state)
//   transition handle_call(State, const M&, term from)     with .reply(from, …), or reply() later
//   transition handle_cast(State, const M&)
//   transition handle_info(State, const M&)
//   transition handle_internal(State, const M&)            an event inserted by next_event()
//   transition handle_state_timeout(State, const M&)       M: the content of the time-out
//   transition handle_event_timeout(State, const M&)
//   transition handle_timeout(State, term name, const M&)  a named time-out
//   transition handle_event(State, const event&)           every event that no other callback takes
//   transition enter(State before, State now)              after each change of the state
//   transition on_price(State, const Context&, const answer&)  of request<&gate::on_price>(to, m, context)
//
// It may also have the callbacks of coppice/lifecycle.hpp, except handle_continue; save_state and
// restore_state concern the members only. For several message types overload the handler and list them:
// `calls`, `casts`, `infos`, `internals` = std::variant<first, second>. An event that no callback takes is
// treated as in servers. A draft of the ABI. Header-only.
#pragma once

#include <coppice/draft/statem.h>
#include <coppice/detail/descriptor.hpp>
#include <coppice/detail/statem_checks.hpp>
#include <coppice/server.hpp>

#include <chrono>
#include <string_view>
#include <type_traits>

namespace coppice {

namespace detail {

inline constinit draft<coppice_statem_api> statem_host{COPPICE_STATEM_HOST_DRAFT_2};

/// Throws if an addition to the transition failed.
inline void added(std::int32_t status, const char* call) {
  if (status == COPPICE_OK) [[likely]]
    return;
  if (status == COPPICE_E_EXITING) throw exiting{};
  if (status == COPPICE_E_CONTEXT)
    throw std::logic_error(std::string(call) +
                           " is part of a transition: it belongs into init, a handle_… or enter of a statem");
  throw std::runtime_error(std::string(call) + ": " + coppice_status_word(status));
}

} // namespace detail

/// A callback's transition. Each function adds to it at once; the host applies it when the callback has
/// returned: the last of next, keep and repeat counts, and for each time-out the last call.
class transition {
 public:
  transition(coppice_actor* self, std::int32_t status) : self_(self), status_(status) {}
  /// The status that the C callback returns for it.
  std::int32_t callback_status() const { return status_; }

  /// Answers a call as part of the transition.
  template <class T>
  transition reply(term from, const T& value) {
    return add(api().reply(self_, detail::plain(from.encoded), make_message(value).take()), "reply");
  }
  /// Delivers this event again once the state has changed.
  transition postpone() { return add(api().postpone(self_), "postpone"); }
  /// Inserts an event before all that wait; it comes to handle_internal.
  template <class T>
  transition next_event(const T& content) {
    return insert(COPPICE_STATEM_EVENT_INTERNAL, {}, content);
  }
  /// Inserts an event as if it had come from outside.
  template <class T>
  transition next_cast(const T& content) {
    return insert(COPPICE_STATEM_EVENT_CAST, {}, content);
  }
  /// As next_cast(), of a plain message.
  template <class T>
  transition next_info(const T& content) {
    return insert(COPPICE_STATEM_EVENT_INFO, {}, content);
  }
  /// As next_cast(), of a call whose caller is `from`.
  template <class T>
  transition next_call(term from, const T& content) {
    return insert(COPPICE_STATEM_EVENT_CALL, detail::plain(from.encoded), content);
  }

  // Time-outs. 0: once no event waits. A state time-out is cancelled by a change of the state, an event
  // time-out by any event, a named one only by cancel.
  template <class T = etf::constant<"timeout">>
  transition state_timeout(std::chrono::nanoseconds after, const T& content = {}) {
    return set(COPPICE_STATEM_EVENT_STATE_TIMEOUT, {}, after, 0, content);
  }
  template <class T = etf::constant<"timeout">>
  transition event_timeout(std::chrono::nanoseconds after, const T& content = {}) {
    return set(COPPICE_STATEM_EVENT_TIMEOUT, {}, after, 0, content);
  }
  template <class Name, class T = etf::constant<"timeout">>
  transition timeout(const Name& name, std::chrono::nanoseconds after, const T& content = {}) {
    return set(COPPICE_STATEM_EVENT_NAMED_TIMEOUT, make_message(name), after, 0, content);
  }
  /// A time-out at an absolute time of actor::now()'s clock.
  template <class T = etf::constant<"timeout">>
  transition state_timeout_at(std::chrono::nanoseconds time, const T& content = {}) {
    return set(COPPICE_STATEM_EVENT_STATE_TIMEOUT, {}, time, 1, content);
  }
  template <class T = etf::constant<"timeout">>
  transition event_timeout_at(std::chrono::nanoseconds time, const T& content = {}) {
    return set(COPPICE_STATEM_EVENT_TIMEOUT, {}, time, 1, content);
  }
  template <class Name, class T = etf::constant<"timeout">>
  transition timeout_at(const Name& name, std::chrono::nanoseconds time, const T& content = {}) {
    return set(COPPICE_STATEM_EVENT_NAMED_TIMEOUT, make_message(name), time, 1, content);
  }
  /// Changes the content of a running time-out and keeps its time. If there is none, sets one of 0.
  template <class T>
  transition update_state_timeout(const T& content) {
    return update(COPPICE_STATEM_EVENT_STATE_TIMEOUT, {}, content);
  }
  template <class T>
  transition update_event_timeout(const T& content) {
    return update(COPPICE_STATEM_EVENT_TIMEOUT, {}, content);
  }
  template <class Name, class T>
  transition update_timeout(const Name& name, const T& content) {
    return update(COPPICE_STATEM_EVENT_NAMED_TIMEOUT, make_message(name), content);
  }
  transition cancel_state_timeout() { return cancel(COPPICE_STATEM_EVENT_STATE_TIMEOUT, {}); }
  transition cancel_event_timeout() { return cancel(COPPICE_STATEM_EVENT_TIMEOUT, {}); }
  template <class Name>
  transition cancel_timeout(const Name& name) {
    return cancel(COPPICE_STATEM_EVENT_NAMED_TIMEOUT, make_message(name));
  }

 private:
  static const coppice_statem_api& api() { return detail::statem_host.need(); }
  transition add(std::int32_t status, const char* call) {
    detail::added(status, call);
    return *this;
  }
  template <class T>
  transition insert(std::uint32_t type, coppice_bytes about, const T& content) {
    return add(api().next_event(self_, type, about, make_message(content).take()), "next_event");
  }
  static coppice_statem_timeout which(std::uint32_t type, const message& name) {
    coppice_statem_timeout out{};
    out.size = sizeof out;
    out.type = type;
    out.name = detail::plain(name.bytes());
    return out;
  }
  template <class T>
  transition set(std::uint32_t type, const message& name, std::chrono::nanoseconds time,
                 std::uint32_t absolute, const T& content) {
    coppice_statem_timeout what = which(type, name);
    what.time = time.count();
    what.absolute = absolute;
    return add(api().set_timeout(self_, &what, make_message(content).take()), "a time-out");
  }
  template <class T>
  transition update(std::uint32_t type, const message& name, const T& content) {
    const coppice_statem_timeout what = which(type, name);
    return add(api().update_timeout(self_, &what, make_message(content).take()), "a time-out");
  }
  transition cancel(std::uint32_t type, const message& name) {
    const coppice_statem_timeout what = which(type, name);
    return add(api().cancel_timeout(self_, &what), "a time-out");
  }

  coppice_actor* self_;
  std::int32_t status_;
};

namespace detail {
class any_statem : public actor {};

/// The names of an enum's values, each with a terminating zero.
template <class State>
class state_names {
 public:
  constexpr state_names() {
    std::size_t next = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      begin_[i] = next;
      for (const char letter : names[i]) text_[next++] = letter;
      if (!names[i].empty()) ++next;
    }
  }
  /// Null: the value has no name.
  constexpr const char* of(State value) const {
    const auto index = static_cast<std::size_t>(value);
    return index < names.size() && !names[index].empty() ? text_ + begin_[index] : nullptr;
  }

 private:
  static constexpr auto& names = etf::detail::names_of<State>;
  static constexpr std::size_t length = [] {
    std::size_t sum = 1;
    for (const std::string_view each : names) sum += each.size() + 1;
    return sum;
  }();
  std::size_t begin_[names.size()]{};
  char text_[length]{};
};
template <class State>
inline constexpr state_names<State> zero_ended{};
} // namespace detail

/// A state machine whose states are a State: derive from it. The callbacks stand at the top of this file.
template <class State>
class statem : public detail::any_statem {
 public:
  using state_type = State;

  /// An event, borrowed; `type` is COPPICE_EVENT_….
  struct event {
    std::uint32_t type = 0;
    term name;    ///< of a named time-out
    term from;    ///< of a call
    term content; ///< no bytes: none
  };
  /// An element of `static constexpr edge states[]`, which the manifest contains; the first edge starts in
  /// the first state.
  struct edge {
    State from;
    std::string_view on; ///< what causes the change: a request's name, state_timeout
    State to;
  };

  /// Changes to state `to`. If that is the present state, it is kept.
  [[nodiscard]] transition next(const State& to) {
    const auto& api = detail::statem_host.need();
    if constexpr (std::is_enum_v<State>) {
      if (const char* const name = detail::zero_ended<State>.of(to); name != nullptr) {
        detail::added(api.next_state_atom(handle(), name), "next");
        return {handle(), COPPICE_OK};
      }
    }
    detail::added(api.next_state(handle(), make_message(to).take()), "next");
    return {handle(), COPPICE_OK};
  }
  /// Keeps the state.
  [[nodiscard]] transition keep() {
    detail::added(detail::statem_host.need().keep_state(handle()), "keep");
    return {handle(), COPPICE_OK};
  }
  /// Keeps the state and calls enter again.
  [[nodiscard]] transition repeat() {
    detail::added(detail::statem_host.need().repeat_state(handle()), "repeat");
    return {handle(), COPPICE_OK};
  }
  /// Ends the actor with `normal` after the replies of the transition are sent; other actions are not
  /// allowed.
  [[nodiscard]] transition stop() { return {handle(), COPPICE_STOP}; }
  /// As stop(), with this reason. Throws std::invalid_argument if it has no encoding.
  template <class Reason>
  [[nodiscard]] transition stop(const Reason& reason) {
    const auto encoded = detail::encode_or_throw(reason, "the exit reason");
    detail::host.actor->set_reason(handle(), detail::plain(etf::bytes(encoded)));
    return stop();
  }
  /// Treats the event as if no callback had taken it.
  [[nodiscard]] transition unhandled() { return {handle(), COPPICE_UNHANDLED}; }
};

namespace detail {

template <class T>
struct statem_table {
  using state = typename T::state_type;

  static bool read_state(coppice_actor* self, coppice_bytes from, state& into) {
    etf::cursor at(view(from));
    etf::mismatch why;
    if (etf::read(at, into, why) && at.at_end()) return true;
    host.actor->set_error(self, COPPICE_E_TERM, plain(std::string_view(why.take("state").text())));
    return false;
  }

  // The handler of one type of event, if the class has it and it takes this content.
#define COPPICE_TAKES_(kind, handler, list, index, ...)                                                     \
  static std::int32_t kind([[maybe_unused]] coppice_actor* self, [[maybe_unused]] T& actor,                 \
                           [[maybe_unused]] const state& now,                                               \
                           [[maybe_unused]] const coppice_statem_event& event) {                            \
    if constexpr (                                                                                          \
        requires { typename T::list; } || requires { &T::handler; }) {                                      \
      const auto use = [&](const auto& m) {                                                                 \
        return status_of(self, [&] { return actor.handler(__VA_ARGS__); });                                 \
      };                                                                                                    \
      if constexpr (requires { typename T::list; }) {                                                       \
        return server_table<T>::template with<typename T::list>(self, &event.content, use);                 \
      } else {                                                                                              \
        return server_table<T>::template with<parameter_of<&T::handler, index>>(self, &event.content, use); \
      }                                                                                                     \
    } else {                                                                                                \
      return COPPICE_UNHANDLED;                                                                             \
    }                                                                                                       \
  }
  COPPICE_TAKES_(call, handle_call, calls, 1, now, m, term{view(event.from)})
  COPPICE_TAKES_(cast, handle_cast, casts, 1, now, m)
  COPPICE_TAKES_(info, handle_info, infos, 1, now, m)
  COPPICE_TAKES_(internal, handle_internal, internals, 1, now, m)
  COPPICE_TAKES_(event_timeout, handle_event_timeout, event_timeouts, 1, now, m)
  COPPICE_TAKES_(state_timeout, handle_state_timeout, state_timeouts, 1, now, m)
  COPPICE_TAKES_(named_timeout, handle_timeout, timeouts, 2, now, term{view(event.name)}, m)
#undef COPPICE_TAKES_

  static std::int32_t response(coppice_actor* self, T& actor, const state& now,
                               const coppice_statem_event& event) {
    answer got;
    got.status = event.status;
    if (event.content.size != 0) host.message->retain(&event.content, got.message.put());
    return server_table<T>::respond(self, actor, event.tag, {event.id, got, &now});
  }
  static std::int32_t typed(coppice_actor* self, T& actor, const state& now,
                            const coppice_statem_event& event) {
    switch (event.type) {
      case COPPICE_STATEM_EVENT_CALL:
        return call(self, actor, now, event);
      case COPPICE_STATEM_EVENT_CAST:
        return cast(self, actor, now, event);
      case COPPICE_STATEM_EVENT_INFO:
        return info(self, actor, now, event);
      case COPPICE_STATEM_EVENT_INTERNAL:
        return internal(self, actor, now, event);
      case COPPICE_STATEM_EVENT_TIMEOUT:
        return event_timeout(self, actor, now, event);
      case COPPICE_STATEM_EVENT_STATE_TIMEOUT:
        return state_timeout(self, actor, now, event);
      case COPPICE_STATEM_EVENT_NAMED_TIMEOUT:
        return named_timeout(self, actor, now, event);
      case COPPICE_STATEM_EVENT_RESPONSE:
        return response(self, actor, now, event);
      default:
        return COPPICE_UNHANDLED;
    }
  }

  static std::int32_t handle_event(coppice_actor* self, void* data,
                                   const coppice_statem_event* raw) noexcept {
    return run<T>(self, data, [&](T& actor) -> std::int32_t {
      state now{};
      if (!read_state(self, raw->state, now)) return COPPICE_E_TERM;
      const std::int32_t status = typed(self, actor, now, *raw);
      if constexpr (requires { &T::handle_event; }) {
        if (status != COPPICE_UNHANDLED) return status;
        const etf::bytes content{raw->content.data, static_cast<std::size_t>(raw->content.size)};
        const typename T::event given{raw->type, term{view(raw->name)}, term{view(raw->from)}, term{content}};
        return status_of(self, [&] { return actor.handle_event(now, given); });
      } else {
        return status;
      }
    });
  }
  static std::int32_t enter(coppice_actor* self, void* data, const coppice_statem_event* raw) noexcept {
    return run<T>(self, data, [&](T& actor) -> std::int32_t {
      state before{};
      state now{};
      if (!read_state(self, raw->old_state, before) || !read_state(self, raw->state, now))
        return COPPICE_E_TERM;
      return status_of(self, [&] { return actor.enter(before, now); });
    });
  }

  static constexpr coppice_statem make_table() {
    coppice_statem table{};
    table.size = sizeof(coppice_statem);
    table.handle_event = &handle_event;
    if constexpr (requires { &T::enter; } && !std::is_same_v<decltype(&T::enter), decltype(&actor::enter)>)
      table.enter = &enter;
    return table;
  }
  static constexpr coppice_statem callbacks = make_table();
};

template <class T>
requires std::is_base_of_v<any_statem, T>
struct behaviour_of<T> {
  static constexpr const char* name = "statem";
  static constexpr coppice_table tables[] = {
      {COPPICE_LIFECYCLE_1, table_of<T, is_statem_class<T>(), lifecycle_table>()},
      {COPPICE_STATEM_DRAFT_2, table_of<T, is_statem_class<T>(), statem_table>()},
      stream_callbacks_of<T>::table,
      {nullptr, nullptr}};
};

} // namespace detail
} // namespace coppice
