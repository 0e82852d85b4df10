// SPDX-License-Identifier: MIT
// A router in C++ (DRAFT): derive from coppice::router, say where each message goes, and name the class in
// COPPICE_PLUGIN. The routes are named in the configuration's `router: { routes }`.
//
//   class front : public coppice::router {
//    public:
//     coppice::routing route(const coppice::routed& what) {
//       if (const auto one = what.as<order>()) return to_route(one->total > 1000 ? "large" : "small");
//       return own();
//     }
//   };
//
//   routing route(const routed& what)                                     needed
//   routing failed(const routed& what, std::string_view route, term why)  with `on_failed: callback`
//
// A message for which route() returns own() comes to handle_call, handle_cast or handle_info, as in a server.
// A router may also have the callbacks of coppice/lifecycle.hpp. See coppice/draft/router.h. Header-only.
#pragma once

#include <coppice/draft/router.h>
#include <coppice/detail/descriptor.hpp>
#include <coppice/server.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <type_traits>

namespace coppice {

namespace detail {
inline constinit draft<coppice_router_api> router_host{COPPICE_ROUTER_HOST_DRAFT_2};
} // namespace detail

/// A message to route. Borrowed until the callback returns.
class routed {
 public:
  explicit routed(const coppice_routed& raw) : raw_(raw) {}
  /// How the message came.
  enum class kind : std::uint32_t {
    call = COPPICE_ROUTED_CALL,
    cast = COPPICE_ROUTED_CAST,
    info = COPPICE_ROUTED_INFO
  };
  /// Whether it is a call, a cast or a plain message.
  kind what() const { return static_cast<kind>(raw_.kind); }
  /// The request, or the message.
  term content() const {
    return {etf::bytes(raw_.content.data, static_cast<std::size_t>(raw_.content.size))};
  }
  /// The caller of a call, for reply().
  term from() const { return {detail::view(raw_.from)}; }
  /// The content as an M. Empty: it is not one.
  template <class M>
  std::optional<M> as() const {
    return detail::read_quietly<M>(content().encoded);
  }

 private:
  const coppice_routed& raw_;
};

/// Result of route(). said: its last call of to_route(), to() or discard() decides; own: the router's own
/// handlers get the message.
enum class routing : std::uint8_t { said, own };

/// A router: derive from it. The callbacks stand at the top of this file.
class router : public actor {
 protected:
  /// Routes the message to a route of this name. Throws std::invalid_argument: the configuration has none.
  routing to_route(std::string_view name) {
    if (said_(detail::router_host.need().to_route(handle(), detail::plain(name))) != COPPICE_OK)
      throw std::invalid_argument(etf::detail::concatenated({"there is no route ", name}));
    return routing::said;
  }
  routing to(const destination& whom) {
    if (said_(detail::router_host.need().to(handle(), detail::plain(whom.bytes()))) != COPPICE_OK)
      throw std::invalid_argument("a message is routed to a pid, a name, {Name, Node} or an alias");
    return routing::said;
  }
  /// Drops the message; a call gets no answer.
  routing discard() {
    said_(detail::router_host.need().discard(handle()));
    return routing::said;
  }
  /// Routes the message to the router's own handlers. In failed(): the caller gets the error that `on_failed:
  /// reply` gives.
  routing own() { return routing::own; }

 private:
  static std::int32_t said_(std::int32_t status) {
    if (status == COPPICE_E_EXITING) throw exiting{};
    if (status == COPPICE_E_CONTEXT)
      throw std::logic_error("a message is routed in route() and failed() alone");
    return status;
  }
};

namespace detail {

template <class T>
constexpr bool is_router_class() {
  if constexpr (!is_actor_class<T>()) {
    return false;
  } else if constexpr (!has_lifecycle_names<T>() || !has_server_names<T>()) {
    return false;
  } else {
    constexpr bool routes = requires(T & actor, const routed& what) {
      { actor.route(what) } -> std::same_as<routing>;
    };
    static_assert(routes, "a router needs a public coppice::routing route(const coppice::routed& what)");
    return routes && has_lifecycle<T>() && has_calls<T>() && has_casts<T>() && has_infos<T>();
  }
}

template <class T>
struct router_table {
  static std::int32_t route(coppice_actor* self, void* state, const coppice_routed* what) noexcept {
    return run<T>(self, state, [&](T& actor) {
      (void)actor.route(routed(*what));
      return COPPICE_OK;
    });
  }
  static std::int32_t failed(coppice_actor* self, void* state, const coppice_routed* what) noexcept {
    return run<T>(self, state, [&](T& actor) {
      const etf::bytes name = view(what->route);
      (void)actor.failed(routed(*what),
                         std::string_view(reinterpret_cast<const char*>(name.data()), name.size()),
                         term{view(what->reason)});
      return COPPICE_OK;
    });
  }
  static constexpr coppice_router make_table() {
    coppice_router out{};
    out.size = sizeof out;
    out.route = &route;
    if constexpr (requires { &T::failed; }) out.failed = &failed;
    return out;
  }
  static constexpr coppice_router callbacks = make_table();
};

template <class T>
requires std::is_base_of_v<router, T>
struct behaviour_of<T> {
  static constexpr const char* name = "router";
  static constexpr coppice_table tables[] = {
      {COPPICE_LIFECYCLE_1, table_of<T, is_router_class<T>(), lifecycle_table>()},
      {COPPICE_ROUTER_DRAFT_2, table_of<T, is_router_class<T>(), router_table>()},
      {COPPICE_SERVER_1, table_of<T, is_router_class<T>(), server_table>()},
      stream_callbacks_of<T>::table,
      {nullptr, nullptr}};
};

} // namespace detail
} // namespace coppice
