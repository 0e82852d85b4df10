// SPDX-License-Identifier: MIT
// How an actor starts, continues, changes and ends, in C++: callbacks that a class of any behaviour may have
// beside the behaviour's own, and the code that connects an object to the C tables.
//
//   a constructor                    makes the state; it and member initialisers only compute
//   void configure(const Settings&)  reads args; only computes. Before init, before restore_state, and when
//                                    args change: an exception then refuses the change
//   void init([const Args&])         runs first; not called when a state is restored. No Args beside
//                                    configure
//   void handle_continue()           after outcome::then_continue(), before the next message
//   outcome config_change(term old_args, term new_args)
//   outcome config_change()          in its place beside configure: runs after it when args change
//   S save_state() const             only computes
//   void restore_state(const S&)     only computes; for the version state_version. Any other is refused
//   void restore_state(coppice::version<1>, const S&)   in its place, one for each version of the state
//   void restore_state(std::uint32_t version, const S&) in its place, for all versions. Each of them may
//                                    return a bool: false refuses the state
//   auto format_status() const       only computes
//   void after_restore()             once the new generation has taken over, before the next message
//   void terminate(term reason)      when a callback has ended the actor or thrown, and when the supervisor
//                                    stops an actor that traps exits; not if it is killed or does not trap an
//                                    exit signal. An exception of it is logged
//
// init, handle_continue and after_restore may return coppice::outcome instead. A callback that the class does
// not have has the default stated in coppice/lifecycle.h. An exception ends the actor with the reason
// {exception, Type, What}.
//
// Constants of the class: static constexpr std::string_view name (default: the plugin's id), args_schema
// (JSON; default: made from the struct that configure or init takes, with its initialisers as defaults);
// static constexpr std::uint32_t state_version. A class without members and without its own
// constructor has no state: an object is made for each callback, and a reload needs no saved state.
// Header-only.
#pragma once

#include <coppice/lifecycle.h>
#include <coppice/actor.hpp>
#include <coppice/detail/args.hpp>
#include <coppice/detail/checks.hpp>
#include <coppice/detail/responses.hpp>

#include <cxxabi.h>

#include <cstdlib>
#include <exception>
#include <type_traits>
#include <typeinfo>

namespace coppice::detail {

template <class T>
concept has_restore_state = requires {
  &T::restore_state;
}
|| restores_by_version<T>;
template <class T>
concept carries_state = requires {
  &T::save_state;
}
|| has_restore_state<T>;
template <class T>
concept configures = requires {
  &T::configure;
};

// An aggregate has no user-written constructor and no virtual functions.
template <class T>
inline constexpr bool is_stateless = std::is_aggregate_v<T> && !carries_state<T> &&
                                     std::is_trivially_destructible_v<T> && (sizeof(T) == sizeof(actor));

/// Sets the exit reason {exception, Type, What} for the exception being handled. Type is an atom like
/// 'std::runtime_error', at most 255 characters.
inline std::int32_t describe_exception(coppice_actor* self, std::string_view what) {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  int status = 0;
  char* const demangled =
      type == nullptr ? nullptr : abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
  const std::string_view name = demangled != nullptr ? demangled : type != nullptr ? type->name() : "unknown";
  message_writer out;
  out.tuple(3);
  out.atom("exception");
  out.atom(name.substr(0, 255));
  out.binary(what);
  std::free(demangled);
  const message reason = out.take();
  host.actor->set_reason(self, plain(reason.bytes()));
  return COPPICE_E_EXCEPTION;
}

/// The status of a callback that ended with the exception being handled.
[[gnu::cold, gnu::noinline]] inline std::int32_t status_of_exception(coppice_actor* self) noexcept {
  try {
    throw;
  } catch (const exiting&) {
    return COPPICE_E_EXITING;
  } catch (const std::exception& thrown) {
    return describe_exception(self, thrown.what());
  } catch (...) {
    return describe_exception(self, {});
  }
}

/// Calls handler(actor) for the object of a callback; no exception leaves it.
template <class T, class Handler>
std::int32_t run(coppice_actor* self, [[maybe_unused]] void* state, const Handler& handler) noexcept {
  try {
    if constexpr (is_stateless<T>) {
      T actor;
      static_cast<coppice::actor&>(actor).enter(self);
      return handler(actor);
    } else {
      T& actor = *static_cast<T*>(state);
      static_cast<coppice::actor&>(actor).enter(self);
      return handler(actor);
    }
  } catch (...) {
    return status_of_exception(self);
  }
}

/// Reads `what` as an M and passes it to `use`. If it does not fit, returns `status`, and the error object
/// says which element is wrong.
template <class M, class Use>
std::int32_t with_value(coppice_actor* self, const coppice_message* raw, std::int32_t status,
                        std::string_view what, const Use& use) {
  M value{};
  etf::mismatch why;
  etf::cursor at({raw->data, static_cast<std::size_t>(raw->size)});
  if (etf::read(at, value, why) && at.at_end()) return use(std::as_const(value));
  const std::string text = etf::detail::concatenated({what, ": ", why.take(etf::root_name<M>()).text()});
  host.actor->set_error(self, status, plain(std::string_view(text)));
  return status;
}

/// The callbacks that Table makes of the class, for T's descriptor. Null for a class with a mistake (not
/// `Sound`), so that the compiler prints only the sentence about the mistake.
template <class T, bool Sound, template <class> class Table>
constexpr const void* table_of() {
  if constexpr (Sound) return &Table<T>::callbacks;
  return nullptr;
}

template <class T>
struct lifecycle_table {
  static std::int32_t create(coppice_actor* self, void** state) noexcept {
    try {
      const making made(self);
      *state = new T(); // belongs to the host until destroy
      return COPPICE_OK;
    } catch (...) {
      return status_of_exception(self);
    }
  }
  static void destroy(void* state) noexcept { delete static_cast<T*>(state); }

  // Calls configure with these args, and then `then`.
  template <class Then>
  static std::int32_t configure(coppice_actor* self, T& actor, const coppice_message& args,
                                const Then& then) {
    return with_args<parameter_of<&T::configure>>(self, args, [&](const auto& read) {
      actor.configure(read);
      return then();
    });
  }

  static std::int32_t init(coppice_actor* self, void* state, const coppice_message* args) noexcept {
    return run<T>(self, state, [&](T& actor) -> std::int32_t {
      if constexpr (configures<T>) {
        return configure(self, actor, *args, [&]() -> std::int32_t {
          if constexpr (requires { &T::init; }) return status_of(self, [&] { return actor.init(); });
          return COPPICE_OK;
        });
      } else if constexpr (requires { actor.init(); }) {
        return status_of(self, [&] { return actor.init(); });
      } else {
        return with_args<parameter_of<&T::init>>(
            self, *args, [&](const auto& read) { return status_of(self, [&] { return actor.init(read); }); });
      }
    });
  }

  static std::int32_t handle_continue(coppice_actor* self, void* state) noexcept {
    return run<T>(self, state,
                  [&](T& actor) { return status_of(self, [&] { return actor.handle_continue(); }); });
  }

  static std::int32_t config_change(coppice_actor* self, void* state, const coppice_message* old_args,
                                    const coppice_message* new_args) noexcept {
    if constexpr (configures<T>) {
      return reconfigure(self, state, *old_args, *new_args);
    } else {
      return run<T>(self, state, [&](T& actor) {
        const term before{{old_args->data, static_cast<std::size_t>(old_args->size)}};
        const term after{{new_args->data, static_cast<std::size_t>(new_args->size)}};
        return status_of(self, [&] { return actor.config_change(before, after); });
      });
    }
  }
  // If the new args are refused, the old ones are put back.
  static std::int32_t reconfigure(coppice_actor* self, void* state, const coppice_message& old_args,
                                  const coppice_message& new_args) noexcept {
    const std::int32_t status = run<T>(self, state, [&](T& actor) {
      return configure(self, actor, new_args, [&]() -> std::int32_t {
        if constexpr (requires { &T::config_change; })
          return status_of(self, [&] { return actor.config_change(); });
        return COPPICE_OK;
      });
    });
    if (status < COPPICE_OK && status != COPPICE_E_EXITING)
      run<T>(self, state,
             [&](T& actor) { return configure(self, actor, old_args, [] { return COPPICE_OK; }); });
    return status;
  }

  // Writes a value with a writer of the host.
  template <class V>
  static std::int32_t write(const V& value, coppice_writer* out) {
    const message encoded = make_message(value);
    const coppice_message raw{encoded.bytes().data(), encoded.bytes().size(), nullptr};
    return raw.size == 0 ? COPPICE_E_TERM : host.message->splice(out, &raw);
  }
  static std::int32_t save_state(coppice_actor* self, void* state, std::uint32_t*,
                                 coppice_writer* out) noexcept {
    return run<T>(self, state, [&](T& actor) { return write(std::as_const(actor).save_state(), out); });
  }
  static std::int32_t format_status(coppice_actor* self, void* state, coppice_writer* out) noexcept {
    return run<T>(self, state, [&](T& actor) { return write(std::as_const(actor).format_status(), out); });
  }
  // Calls `restore` with the saved state as an S. Its bool false refuses the state.
  template <class S, class Restore>
  static std::int32_t restore_as(coppice_actor* self, std::uint32_t number, const coppice_message* saved,
                                 const Restore& restore) {
    const auto use = [&](const auto& read) -> std::int32_t {
      if constexpr (std::is_same_v<decltype(restore(read)), bool>) {
        return restore(read) ? COPPICE_OK : COPPICE_E_VERSION;
      } else {
        restore(read);
        return COPPICE_OK;
      }
    };
    return with_value<S>(self, saved, COPPICE_E_VERSION,
                         etf::detail::concatenated({"state of version ", std::to_string(number)}), use);
  }
  static std::int32_t restore_version(coppice_actor* self, T& actor, std::uint32_t number,
                                      const coppice_message* saved) {
    std::int32_t status = COPPICE_E_VERSION;
    const bool known = any_version<T>([&]<std::uint32_t N>() {
      if (number != N) return false;
      status = restore_as<state_of_version<T, N>>(
          self, number, saved, [&](const auto& read) { return actor.restore_state(version<N>(), read); });
      return true;
    });
    if (known) return status;
    std::string text = "it takes";
    any_version<T>([&]<std::uint32_t N>() {
      text.append(text.size() == 8 ? " " : ", ").append(std::to_string(N));
      return false;
    });
    host.actor->set_error(self, COPPICE_E_VERSION, plain(std::string_view(text)));
    return COPPICE_E_VERSION;
  }
  static std::int32_t restore(coppice_actor* self, T& actor, std::uint32_t number,
                              const coppice_message* saved) {
    if constexpr (restores_by_version<T>) {
      return restore_version(self, actor, number, saved);
    } else if constexpr (signature<decltype(&T::restore_state)>::count == 2) {
      return restore_as<parameter_of<&T::restore_state, 1>>(
          self, number, saved, [&](const auto& read) { return actor.restore_state(number, read); });
    } else {
      if (number != state_version<T>()) return COPPICE_E_VERSION;
      return restore_as<parameter_of<&T::restore_state>>(
          self, number, saved, [&](const auto& read) { return actor.restore_state(read); });
    }
  }
  static std::int32_t restore_state(coppice_actor* self, void* state, std::uint32_t number,
                                    const coppice_message* saved) noexcept {
    return run<T>(self, state, [&](T& actor) {
      if constexpr (configures<T>) {
        const coppice_bytes args = host.actor->args_borrowed(self);
        return configure(self, actor, {args.data, args.size, nullptr},
                         [&] { return restore(self, actor, number, saved); });
      } else {
        return restore(self, actor, number, saved);
      }
    });
  }
  static std::int32_t after_restore(coppice_actor* self, void* state) noexcept {
    return run<T>(self, state,
                  [&](T& actor) { return status_of(self, [&] { return actor.after_restore(); }); });
  }

  static void terminate(coppice_actor* self, void* state, const coppice_message* reason) noexcept {
    run<T>(self, state, [&](T& actor) {
      actor.terminate(term{{reason->data, static_cast<std::size_t>(reason->size)}});
      return COPPICE_OK;
    });
  }

  // Only callbacks that the class has; a null entry gives the host's default.
  static constexpr coppice_lifecycle make_table() {
    coppice_lifecycle table{};
    table.size = sizeof(coppice_lifecycle);
    if constexpr (!is_stateless<T>) {
      table.create = &create;
      table.destroy = &destroy;
    }
    if constexpr (configures<T> || requires { &T::init; }) table.init = &init;
    if constexpr (requires { &T::handle_continue; }) table.handle_continue = &handle_continue;
    if constexpr (configures<T> || requires { &T::config_change; }) table.config_change = &config_change;
    if constexpr (requires { &T::save_state; }) table.save_state = &save_state;
    if constexpr (has_restore_state<T>) table.restore_state = &restore_state;
    if constexpr (requires { &T::after_restore; }) table.after_restore = &after_restore;
    if constexpr (requires { &T::format_status; }) table.format_status = &format_status;
    if constexpr (requires { &T::terminate; }) table.terminate = &terminate;
    return table;
  }
  static constexpr coppice_lifecycle callbacks = make_table();
};

} // namespace coppice::detail
