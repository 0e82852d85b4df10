// SPDX-License-Identifier: MIT
// A server in C++: derive from coppice::server, write the callbacks you need, and name the class in
// COPPICE_PLUGIN. Messages are C++ types, read by <coppice/etf/codec.hpp>:
//
//   auto handle_call(const M& request [, coppice::term from])   what it returns is the reply; no_reply or
//                                          void: reply() is called with `from` or a copy of its bytes later
//   void handle_cast(const M&)   void handle_info(const M&)     or coppice::outcome
//   void init([const Args&])  handle_continue()  on_response(id, tag, const answer&)  terminate(term reason)
//   S save_state() const, restore_state(version, const S&)  auto format_status() const
//   outcome config_change(term old_args, term new_args)
//
// For several message types overload the handler and list them: `using calls = std::variant<put, get>;`
// (`casts`, `infos`). What fits none is COPPICE_UNHANDLED. Views in messages last until the callback
// returns. An exception is the exit reason {exception, Type, What}.
// In the class: static constexpr std::string_view name (default: the plugin's id), args_schema (JSON);
// static constexpr std::uint32_t state_version. A class without members has no state: it is made anew for
// each callback, and a reload needs nothing of it.
#pragma once

#include <coppice/server.h>
#include <coppice/actor.hpp>
#include <coppice/descriptor.hpp>

#include <type_traits>
#include <variant>

namespace coppice {

class server : public actor {};

namespace detail {

// The type of a handler's first parameter, when the handler is not overloaded.
template <class Function>
struct first_parameter;
template <class Class, class Result, class First, class... Rest>
struct first_parameter<Result (Class::*)(First, Rest...)> {
  using type = std::remove_cvref_t<First>;
};
template <class Class, class Result, class First, class... Rest>
struct first_parameter<Result (Class::*)(First, Rest...) const>
    : first_parameter<Result (Class::*)(First, Rest...)> {};
template <class Class, class Result, class First, class Second>
struct second_parameter_of {
  using type = std::remove_cvref_t<Second>;
};
template <class Class, class Result, class First, class Second>
second_parameter_of<Class, Result, First, Second> second_parameter(Result (Class::*)(First, Second));

template <class T>
inline constexpr bool is_variant = false;
template <class... A>
inline constexpr bool is_variant<std::variant<A...>> = true;

template <class T>
inline constexpr bool is_stateless = sizeof(T) == sizeof(server) && std::is_trivially_destructible_v<T> &&
                                     !std::is_polymorphic_v<T> && !requires {
  &T::save_state;
}
&&!requires {
  &T::restore_state;
};

template <class T>
struct server_table {
  template <class Handler>
  static std::int32_t run(coppice_actor* self, [[maybe_unused]] void* state, Handler handler) noexcept {
    return guarded(self, [&] {
      if constexpr (is_stateless<T>) {
        T actor;
        actor.enter(self);
        return handler(actor);
      } else {
        T& actor = *static_cast<T*>(state);
        actor.enter(self);
        return handler(actor);
      }
    });
  }

  // What a callback other than handle_call returned, as a status.
  template <class Call>
  static std::int32_t status_of(coppice_actor* self, Call call) {
    using result = decltype(call());
    if constexpr (std::is_same_v<result, outcome>) {
      const outcome decided = call();
      if (!decided.reason.empty()) host.actor->set_reason(self, plain(etf::bytes(decided.reason)));
      return decided.status;
    } else {
      static_assert(std::is_void_v<result>, "this callback returns nothing or a coppice::outcome");
      call();
      return COPPICE_OK;
    }
  }

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

  static std::int32_t create(coppice_actor* self, void** state) noexcept {
    return guarded(self, [&] {
      *state = std::make_unique<T>().release();
      return COPPICE_OK;
    });
  }
  static void destroy(void* state) noexcept { const std::unique_ptr<T> owned(static_cast<T*>(state)); }

  static std::int32_t init(coppice_actor* self, void* state, const coppice_message* args) noexcept {
    return run(self, state, [&](T& actor) {
      if constexpr (requires { actor.init(); }) {
        return status_of(self, [&] { return actor.init(); });
      } else {
        using parameter = typename first_parameter<decltype(&T::init)>::type;
        const auto read = etf::decode<parameter>({args->data, static_cast<std::size_t>(args->size)});
        if (!read) {
          const std::string text = "args: " + read.error().text();
          host.actor->set_error(self, COPPICE_E_INVALID, plain(std::string_view(text)));
          return static_cast<std::int32_t>(COPPICE_E_INVALID);
        }
        return status_of(self, [&] { return actor.init(*read); });
      }
    });
  }

  static std::int32_t handle_continue(coppice_actor* self, void* state) noexcept {
    return run(self, state,
               [&](T& actor) { return status_of(self, [&] { return actor.handle_continue(); }); });
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
    return run(self, state, [&](T& actor) {
      const auto use = [&](const auto& m) { return answer_call(self, actor, m, from); };
      if constexpr (requires { typename T::calls; }) {
        return with<typename T::calls>(request, use);
      } else {
        return with<typename first_parameter<decltype(&T::handle_call)>::type>(request, use);
      }
    });
  }
  static std::int32_t handle_cast(coppice_actor* self, void* state, const coppice_message* raw) noexcept {
    return run(self, state, [&](T& actor) {
      const auto use = [&](const auto& m) { return status_of(self, [&] { return actor.handle_cast(m); }); };
      if constexpr (requires { typename T::casts; }) {
        return with<typename T::casts>(raw, use);
      } else {
        return with<typename first_parameter<decltype(&T::handle_cast)>::type>(raw, use);
      }
    });
  }
  static std::int32_t handle_info(coppice_actor* self, void* state, const coppice_message* raw) noexcept {
    return run(self, state, [&](T& actor) {
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
    return run(self, state, [&](T& actor) {
      answer got;
      got.status = status;
      if (raw->size != 0) host.message->retain(raw, got.message.put());
      return status_of(self, [&] { return actor.on_response(id, tag, std::as_const(got)); });
    });
  }

  static std::int32_t config_change(coppice_actor* self, void* state, const coppice_message* old_args,
                                    const coppice_message* new_args) noexcept {
    return run(self, state, [&](T& actor) {
      const term before{{old_args->data, static_cast<std::size_t>(old_args->size)}};
      const term after{{new_args->data, static_cast<std::size_t>(new_args->size)}};
      return status_of(self, [&] { return actor.config_change(before, after); });
    });
  }

  // A value into a writer of the host's.
  template <class V>
  static std::int32_t write(const V& value, coppice_writer* out) {
    const message encoded = make_message(value);
    const coppice_message raw{encoded.bytes().data(), encoded.bytes().size(), nullptr};
    return raw.size == 0 ? COPPICE_E_TERM : host.message->splice(out, &raw);
  }
  static std::int32_t save_state(coppice_actor* self, void* state, std::uint32_t*,
                                 coppice_writer* out) noexcept {
    return run(self, state, [&](T& actor) { return write(std::as_const(actor).save_state(), out); });
  }
  static std::int32_t format_status(coppice_actor* self, void* state, coppice_writer* out) noexcept {
    return run(self, state, [&](T& actor) { return write(std::as_const(actor).format_status(), out); });
  }
  static std::int32_t restore_state(coppice_actor* self, void* state, std::uint32_t version,
                                    const coppice_message* saved) noexcept {
    return run(self, state, [&](T& actor) -> std::int32_t {
      using parameter = typename decltype(second_parameter(&T::restore_state))::type;
      const auto read = etf::decode<parameter>({saved->data, static_cast<std::size_t>(saved->size)});
      if (!read) return COPPICE_E_VERSION;
      using result = decltype(actor.restore_state(version, *read));
      if constexpr (std::is_same_v<result, bool>) {
        return actor.restore_state(version, *read) ? COPPICE_OK : COPPICE_E_VERSION;
      } else {
        actor.restore_state(version, *read);
        return COPPICE_OK;
      }
    });
  }

  static void terminate(coppice_actor* self, void* state, const coppice_message* reason) noexcept {
    run(self, state, [&](T& actor) {
      actor.terminate(term{{reason->data, static_cast<std::size_t>(reason->size)}});
      return COPPICE_OK;
    });
  }

  // Only what the class has: a null entry gives the host's default.
  static constexpr coppice_server make() {
    coppice_server table{};
    table.size = sizeof(coppice_server);
    if constexpr (!is_stateless<T>) {
      table.create = &create;
      table.destroy = &destroy;
    }
    if constexpr (requires { &T::init; }) table.init = &init;
    if constexpr (requires { &T::handle_continue; }) table.handle_continue = &handle_continue;
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
    if constexpr (requires { &T::config_change; }) table.config_change = &config_change;
    if constexpr (requires { &T::save_state; }) table.save_state = &save_state;
    if constexpr (requires { &T::restore_state; }) table.restore_state = &restore_state;
    if constexpr (requires { &T::format_status; }) table.format_status = &format_status;
    if constexpr (requires { &T::terminate; }) table.terminate = &terminate;
    return table;
  }
  static constexpr coppice_server callbacks = make();
};

template <class T>
requires std::is_base_of_v<server, T>
struct behaviour_of<T> {
  static constexpr const char* name = "server";
  static constexpr const char* table_name = COPPICE_SERVER_1;
  static constexpr const void* table() { return &server_table<T>::callbacks; }
};

} // namespace detail
} // namespace coppice
