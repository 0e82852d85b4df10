// SPDX-License-Identifier: MIT
// A server in C++: derive from coppice::server, write the callbacks you need, and name the class in
// COPPICE_PLUGIN. Messages are C++ types, read by <coppice/etf/codec.hpp>:
//
//   auto handle_call(const M& request [, coppice::term from])   what it returns is the reply; no_reply or
//                                          void: reply() is called with `from` or a copy of its bytes later
//   void handle_cast(const M&)   void handle_info(const M&)     or coppice::outcome
//   void on_response(id, tag, const answer&)                    likewise
//
// and what coppice/lifecycle.hpp lists. For several message types overload the handler and list them:
// `using calls = std::variant<put, get>;` (`casts`, `infos`). What fits none is COPPICE_UNHANDLED. Views in
// messages last until the callback returns. Header-only.
#pragma once

#include <coppice/server.h>
#include <coppice/descriptor.hpp>
#include <coppice/lifecycle.hpp>

#include <type_traits>
#include <variant>

namespace coppice {

class server : public actor {};

namespace detail {

template <class T>
inline constexpr bool is_variant = false;
template <class... A>
inline constexpr bool is_variant<std::variant<A...>> = true;

template <class T>
struct server_table {
  // Reads `raw` as M, or as the alternative of M that fits, and hands it to `use`.
  template <class M, class Use>
  static std::int32_t with(const coppice_message* raw, Use use) {
    M value{};
    etf::mismatch why;
    etf::cursor at({raw->data, static_cast<std::size_t>(raw->size)});
    if (!etf::read(at, value, why) || !at.at_end()) return COPPICE_UNHANDLED;
    if constexpr (is_variant<M>) {
      return std::visit(use, std::as_const(value));
    } else {
      return use(std::as_const(value));
    }
  }

  template <class M>
  static std::int32_t answer_call(coppice_actor* self, T& actor, const M& request, coppice_bytes from) {
    const term whom{view(from)};
    const auto call = [&] {
      if constexpr (requires { actor.handle_call(request, whom); }) {
        return actor.handle_call(request, whom);
      } else {
        return actor.handle_call(request);
      }
    };
    using result = decltype(call());
    if constexpr (std::is_void_v<result> || std::is_same_v<result, no_reply>) {
      call();
      return COPPICE_OK;
    } else if constexpr (std::is_same_v<result, outcome>) {
      return status_of(self, call);
    } else {
      message encoded = make_message(call());
      if (!encoded) throw std::runtime_error("the reply has no encoding");
      const std::int32_t status = host.call->reply(self, from, encoded.take());
      return status == COPPICE_E_USED ? COPPICE_OK : status;
    }
  }

  static std::int32_t handle_call(coppice_actor* self, void* state, const coppice_message* request,
                                  coppice_bytes from) noexcept {
    return run<T>(self, state, [&](T& actor) {
      const auto use = [&](const auto& m) { return answer_call(self, actor, m, from); };
      if constexpr (requires { typename T::calls; }) {
        return with<typename T::calls>(request, use);
      } else {
        return with<typename first_parameter<decltype(&T::handle_call)>::type>(request, use);
      }
    });
  }
  static std::int32_t handle_cast(coppice_actor* self, void* state, const coppice_message* raw) noexcept {
    return run<T>(self, state, [&](T& actor) {
      const auto use = [&](const auto& m) { return status_of(self, [&] { return actor.handle_cast(m); }); };
      if constexpr (requires { typename T::casts; }) {
        return with<typename T::casts>(raw, use);
      } else {
        return with<typename first_parameter<decltype(&T::handle_cast)>::type>(raw, use);
      }
    });
  }
  static std::int32_t handle_info(coppice_actor* self, void* state, const coppice_message* raw) noexcept {
    return run<T>(self, state, [&](T& actor) {
      const auto use = [&](const auto& m) { return status_of(self, [&] { return actor.handle_info(m); }); };
      if constexpr (requires { typename T::infos; }) {
        return with<typename T::infos>(raw, use);
      } else {
        return with<typename first_parameter<decltype(&T::handle_info)>::type>(raw, use);
      }
    });
  }

  static std::int32_t on_response(coppice_actor* self, void* state, std::uint64_t id, std::uint64_t tag,
                                  std::int32_t status, const coppice_message* raw) noexcept {
    return run<T>(self, state, [&](T& actor) {
      answer got;
      got.status = status;
      if (raw->size != 0) host.message->retain(raw, got.message.put());
      return status_of(self, [&] { return actor.on_response(id, tag, std::as_const(got)); });
    });
  }

  // Only what the class has: a null entry gives the host's default.
  static constexpr coppice_server make_table() {
    coppice_server table{};
    table.size = sizeof(coppice_server);
    if constexpr (
        requires { typename T::calls; } || requires { &T::handle_call; })
      table.handle_call = &handle_call;
    if constexpr (
        requires { typename T::casts; } || requires { &T::handle_cast; })
      table.handle_cast = &handle_cast;
    if constexpr (
        requires { typename T::infos; } || requires { &T::handle_info; })
      table.handle_info = &handle_info;
    if constexpr (requires { &T::on_response; }) table.on_response = &on_response;
    return table;
  }
  static constexpr coppice_server callbacks = make_table();
};

template <class T>
requires std::is_base_of_v<server, T>
struct behaviour_of<T> {
  static constexpr const char* name = "server";
  static constexpr coppice_table tables[] = {{COPPICE_LIFECYCLE_1, &lifecycle_table<T>::callbacks},
                                             {COPPICE_SERVER_1, &server_table<T>::callbacks},
                                             {nullptr, nullptr}};
};

} // namespace detail
} // namespace coppice
