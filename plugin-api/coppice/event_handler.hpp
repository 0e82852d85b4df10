// SPDX-License-Identifier: MIT
// A handler of an event manager in C++, as in OTP's gen_event: derive from coppice::event_handler, write the
// callbacks you need, and name the class in COPPICE_PLUGIN:
//
//   void handle_event(const M& event)      or coppice::outcome
//   auto handle_call(const M& request [, coppice::term from])   the reply, as in a server
//   void handle_info(const M&)             or coppice::outcome
//   auto removed(coppice::term why)        the result of delete_handler; or void
//
// It may also have on_response and the callbacks of coppice/lifecycle.hpp, except handle_continue and
// terminate. For several message types overload the handler and list them: `events`, `calls`, `infos` =
// std::variant<first, second>. A callback that returns remove() or swap() takes the handler out of its
// manager. A message of no listed type is logged and dropped, a call as in servers. A draft of the ABI.
// Header-only.
#pragma once

#include <coppice/draft/event_handler.h>
#include <coppice/detail/descriptor.hpp>
#include <coppice/server.hpp>

#include <tuple>
#include <type_traits>

namespace coppice {

/// A handler of an event manager: derive from it. The callbacks stand at the top of this file.
class event_handler : public actor {
 public:
  /// This handler leaves its manager.
  [[nodiscard]] static outcome remove() { return {COPPICE_REMOVE_HANDLER, {}}; }
  /// Another handler takes this one's place. `handler` is 'PLUGIN:ACTOR' or a pair of that and an id. This
  /// handler's removed() is called with `args`, and the new handler's init with a pair of `next_args` and the
  /// result of removed().
  template <class Args, class Handler, class NextArgs>
  [[nodiscard]] static outcome swap(const Args& args, const Handler& handler, const NextArgs& next_args) {
    return {COPPICE_SWAP_HANDLER,
            etf::encode(std::tuple<const Args&, const Handler&, const NextArgs&>(args, handler, next_args))};
  }
};

namespace detail {

/// Whether T can be the class of an event handler. Gives a sentence for the first mistake.
template <class T>
constexpr bool is_event_handler_class() {
  if constexpr (!is_actor_class<T>() || !has_lifecycle_names<T>() || !has_lifecycle<T>()) {
    return false;
  } else {
    static_assert(
        !requires { &T::handle_cast; },
        "this class has handle_cast, which nothing calls: events come to handle_event");
    static_assert(
        !requires { &T::handle_continue; },
        "this class has handle_continue, which nothing calls: an event handler begins with init alone");
    static_assert(
        !requires { &T::on_event; } || requires { &T::handle_event; },
        "this class has on_event, which nothing calls: the callback's name is handle_event");
    static_assert(
        requires { typename T::events; } || requires { &T::handle_event; },
        "an event handler has a public handle_event(const M&); where it is overloaded or a template list its "
        "messages: using events = std::variant<first, second>;");
    static_assert(
        !requires { &T::terminate; },
        "this class has terminate, which nothing calls: an event handler has removed(coppice::term)");
    return true;
  }
}

template <class T>
struct event_handler_table {
  static std::int32_t handle_event(coppice_actor* self, void* state, const coppice_message* raw) noexcept {
    return run<T>(self, state, [&](T& actor) {
      const auto use = [&](const auto& m) { return status_of(self, [&] { return actor.handle_event(m); }); };
      if constexpr (requires { typename T::events; }) {
        return server_table<T>::template with<typename T::events>(self, raw, use);
      } else {
        return server_table<T>::template with<parameter_of<&T::handle_event>>(self, raw, use);
      }
    });
  }
  static std::int32_t removed(coppice_actor* self, void* state, const coppice_message* why,
                              coppice_writer* result) noexcept {
    return run<T>(self, state, [&](T& actor) -> std::int32_t {
      const term given{{why->data, static_cast<std::size_t>(why->size)}};
      if constexpr (std::is_void_v<decltype(actor.removed(given))>) {
        actor.removed(given);
        return COPPICE_OK;
      } else {
        return lifecycle_table<T>::write(actor.removed(given), result);
      }
    });
  }

  static constexpr coppice_event_handler make_table() {
    coppice_event_handler table{};
    table.size = sizeof(coppice_event_handler);
    table.handle_event = &handle_event;
    if constexpr (
        requires { typename T::calls; } || requires { &T::handle_call; })
      table.handle_call = &server_table<T>::handle_call;
    if constexpr (
        requires { typename T::infos; } || requires { &T::handle_info; })
      table.handle_info = &server_table<T>::handle_info;
    table.on_response = &server_table<T>::on_response;
    if constexpr (requires { &T::removed; }) table.removed = &removed;
    return table;
  }
  static constexpr coppice_event_handler callbacks = make_table();
};

template <class T>
requires std::is_base_of_v<event_handler, T>
struct behaviour_of<T> {
  static constexpr const char* name = "event_handler";
  static constexpr coppice_table tables[] = {
      {COPPICE_LIFECYCLE_1, table_of<T, is_event_handler_class<T>(), lifecycle_table>()},
      {COPPICE_EVENT_HANDLER_DRAFT_2, table_of<T, is_event_handler_class<T>(), event_handler_table>()},
      stream_callbacks_of<T>::table,
      {nullptr, nullptr}};
};

} // namespace detail
} // namespace coppice
