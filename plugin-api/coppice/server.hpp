// SPDX-License-Identifier: MIT
// A server in C++: derive from coppice::server, write the callbacks you need, and name the class in
// COPPICE_PLUGIN. Messages are C++ types, read by <coppice/etf/codec.hpp>:
//
//   auto handle_call(const M& request [, coppice::term from])   returns the reply; no_reply or void:
//                                          call reply() later, with `from` or a copy of its bytes
//   void handle_cast(const M&)   void handle_info(const M&)     or coppice::outcome
//   void on_response(id, tag, const answer&)                    or coppice::outcome; or any member:
//   request<&shop::on_price>(…), with a context: request<&shop::on_price>(to, question, from)
//
// It may also have the callbacks of coppice/lifecycle.hpp. For several message types overload the handler and
// list them: `using calls = std::variant<put, get>;` (`casts`, `infos`). A message of no listed type is
// COPPICE_UNHANDLED. Views in messages are valid until the callback returns. All callbacks are public;
// coppice/detail/checks.hpp reports those that nothing could call. Header-only.
#pragma once

#include <coppice/server.h>
#include <coppice/detail/descriptor.hpp>
#include <coppice/lifecycle.hpp>

#include <type_traits>
#include <variant>

namespace coppice {

/// A server: derive from it. The callbacks stand at the top of this file.
class server : public actor {};

namespace detail {

template <class T>
inline constexpr bool is_variant = false;
template <class... A>
inline constexpr bool is_variant<std::variant<A...>> = true;

template <class T>
struct server_table {
  // Reads `raw` as M, or as the matching alternative of M, and passes it to `use`. If none matches, returns
  // COPPICE_UNHANDLED, and the error object says which element is wrong.
  template <class M, class Use>
  static std::int32_t with(coppice_actor* self, const coppice_message* raw, const Use& use) {
    etf::mismatch why;
    etf::cursor at({raw->data, static_cast<std::size_t>(raw->size)});
    if constexpr (is_variant<M>) {
      std::int32_t status = COPPICE_OK;
      const auto attempt = [&](auto index) {
        std::variant_alternative_t<decltype(index)::value, M> value{};
        if (!etf::read(at, value, why) || !at.at_end()) return false;
        status = use(std::as_const(value));
        return true;
      };
      if (etf::detail::first_that_fits<M>(at, why, attempt)) return status;
    } else {
      M value{};
      if (etf::read(at, value, why) && at.at_end()) return use(std::as_const(value));
    }
    host.actor->set_error(self, COPPICE_E_TERM, plain(std::string_view(why.take("request").text())));
    return COPPICE_UNHANDLED;
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
        return with<typename T::calls>(self, request, use);
      } else {
        return with<parameter_of<&T::handle_call>>(self, request, use);
      }
    });
  }
  static std::int32_t handle_cast(coppice_actor* self, void* state, const coppice_message* raw) noexcept {
    return run<T>(self, state, [&](T& actor) {
      const auto use = [&](const auto& m) { return status_of(self, [&] { return actor.handle_cast(m); }); };
      if constexpr (requires { typename T::casts; }) {
        return with<typename T::casts>(self, raw, use);
      } else {
        return with<parameter_of<&T::handle_cast>>(self, raw, use);
      }
    });
  }
  static std::int32_t handle_info(coppice_actor* self, void* state, const coppice_message* raw) noexcept {
    return run<T>(self, state, [&](T& actor) {
      const auto use = [&](const auto& m) { return status_of(self, [&] { return actor.handle_info(m); }); };
      if constexpr (requires { typename T::infos; }) {
        return with<typename T::infos>(self, raw, use);
      } else {
        return with<parameter_of<&T::handle_info>>(self, raw, use);
      }
    });
  }

  // Passes the answer to the member that the request named.
  static std::int32_t respond(coppice_actor* self, T& actor, std::uint64_t tag, const ended_request& what) {
    if (const auto* const found = responder<T>::find(tag)) return found->run(self, actor, what);
    actor.host().log(COPPICE_LOG_WARNING,
                     "dropped an answer: its request was made for a member that this "
                     "class makes no request for");
    return COPPICE_OK;
  }
  static std::int32_t on_response(coppice_actor* self, void* state, [[maybe_unused]] std::uint64_t id,
                                  std::uint64_t tag, std::int32_t status,
                                  const coppice_message* raw) noexcept {
    return run<T>(self, state, [&](T& actor) {
      answer got;
      got.status = status;
      if (raw->size != 0) host.message->retain(raw, got.message.put());
      if (tag >= first_name_tag) return respond(self, actor, tag, {id, got, nullptr});
      if constexpr (requires { &T::on_response; }) {
        return status_of(self, [&] { return actor.on_response(id, tag, std::as_const(got)); });
      } else {
        return COPPICE_OK;
      }
    });
  }

  // Only callbacks that the class has; a null entry gives the host's default.
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
    table.on_response = &on_response;
    return table;
  }
  static constexpr coppice_server callbacks = make_table();
};

/// Optional tables of a class: coppice/stream.hpp specialises this for callbacks of streams, coppice/pool.hpp
/// for decisions in a pool.
template <class T>
struct stream_callbacks_of {
  static constexpr coppice_table table{nullptr, nullptr};
};
template <class T>
struct pool_callbacks_of {
  static constexpr coppice_table table{nullptr, nullptr};
};
/// The tables that a class has; a list of tables ends at the first empty one.
template <class T>
struct more_callbacks_of {
  static constexpr coppice_table of_streams = stream_callbacks_of<T>::table;
  static constexpr coppice_table of_pool = pool_callbacks_of<T>::table;
  static constexpr coppice_table first = of_streams.name != nullptr ? of_streams : of_pool;
  static constexpr coppice_table second =
      of_streams.name != nullptr ? of_pool : coppice_table{nullptr, nullptr};
};

template <class T>
requires std::is_base_of_v<server, T>
struct behaviour_of<T> {
  static constexpr const char* name = "server";
  static constexpr coppice_table tables[] = {
      {COPPICE_LIFECYCLE_1, table_of<T, is_server_class<T>(), lifecycle_table>()},
      {COPPICE_SERVER_1, table_of<T, is_server_class<T>(), server_table>()},
      more_callbacks_of<T>::first,
      more_callbacks_of<T>::second,
      {nullptr, nullptr}};
};

} // namespace detail
} // namespace coppice
