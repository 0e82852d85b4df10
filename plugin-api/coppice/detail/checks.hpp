// SPDX-License-Identifier: MIT
// Compile-time checks of an actor's class. Each mistake gives a sentence that names the remedy: a callback
// that nothing can call, a callback with the wrong parameters, a misspelt name. Without these checks the
// class would compile, and the callback would never run.
//
// Whether a class has a member, public or not, is found by deriving from the class and from `member_names`:
// if both have it, the name is ambiguous. An actor's class must therefore not be final.
#pragma once

#include <coppice/actor.hpp>
#include <coppice/detail/signature.hpp>
#include <coppice/detail/spelling.hpp>
#include <coppice/detail/versions.hpp>

#include <type_traits>

namespace coppice::detail {

/// The callbacks' names, and common misspellings of them.
struct member_names {
  int init, configure, handle_continue, config_change, save_state, restore_state, after_restore,
      format_status, terminate;
  int on_init, on_configure, initialize, handleContinue, on_continue, configChange, on_config_change,
      code_change;
  int saveState, save, restoreState, load_state, restore, afterRestore, on_restore, formatStatus,
      on_terminate, terminated, config_changed, after_restored, format_state;
  int handle_call, handleCall, HandleCall, handle_calls, on_call, handle_cal, handel_call, hanlde_call;
  int handle_cast, handleCast, HandleCast, handle_casts, on_cast, handle_cas, handel_cast, hanlde_cast;
  int handle_info, handleInfo, HandleInfo, handle_infos, on_info, handle_inf, handel_info, hanlde_info;
  int handle_message, handle_messages, on_message;
  int on_response, onResponse, handle_response;
};
template <class T>
struct probed : T, member_names {};
template <class>
inline constexpr bool never = false;

// For the class T in the surrounding template.
#define COPPICE_HAS_(member) (!requires { &probed<T>::member; })
#define COPPICE_REACHES_(member) \
  requires {                     \
    &T::member;                  \
  }
#define COPPICE_CHECK_(sentence, ...)  \
  if constexpr (!(__VA_ARGS__)) {      \
    static_assert(never<T>, sentence); \
    return false;                      \
  }
#define COPPICE_NOT_(slip, name)                                                                 \
  COPPICE_CHECK_("this class has " #slip ", which nothing calls: the callback's name is " #name, \
                 COPPICE_HAS_(name) || !COPPICE_HAS_(slip))
#define COPPICE_ALONE_(callback)                                          \
  COPPICE_CHECK_("nothing can call " #callback                            \
                 " of this class: make it public, and one function that " \
                 "is neither overloaded nor a template nor static",       \
                 !COPPICE_HAS_(callback) || COPPICE_REACHES_(callback))
#define COPPICE_DECLARED_(callback, declaration, ...)                                \
  COPPICE_ALONE_(callback)                                                           \
  COPPICE_CHECK_(#callback " is declared otherwise than it is called: " declaration, \
                 !COPPICE_HAS_(callback) || (__VA_ARGS__))

/// Whether T can be the class of an actor at all.
template <class T>
constexpr bool is_actor_class() {
  COPPICE_CHECK_("an actor's class is not final: it is looked at by deriving from it; remove `final`",
                 !std::is_final_v<T>)
  COPPICE_CHECK_("an actor's class derives publicly: class name : public coppice::server",
                 std::is_convertible_v<T*, actor*>)
  COPPICE_CHECK_("an actor's class is not abstract: define what is pure virtual in it",
                 !std::is_abstract_v<T>)
  COPPICE_CHECK_(
      "an actor is made without arguments: give its class a public constructor that takes none; "
      "those of the configuration come to init(const Args&)",
      std::is_default_constructible_v<T>)
  return true;
}

template <class T>
constexpr bool has_lifecycle_names() {
  COPPICE_NOT_(on_init, init)
  COPPICE_NOT_(initialize, init)
  COPPICE_NOT_(on_configure, configure)
  COPPICE_NOT_(handleContinue, handle_continue)
  COPPICE_NOT_(on_continue, handle_continue)
  COPPICE_NOT_(configChange, config_change)
  COPPICE_NOT_(on_config_change, config_change)
  COPPICE_NOT_(config_changed, config_change)
  COPPICE_NOT_(code_change, restore_state)
  COPPICE_NOT_(saveState, save_state)
  COPPICE_NOT_(restoreState, restore_state)
  COPPICE_NOT_(load_state, restore_state)
  COPPICE_NOT_(afterRestore, after_restore)
  COPPICE_NOT_(on_restore, after_restore)
  COPPICE_NOT_(after_restored, after_restore)
  COPPICE_NOT_(formatStatus, format_status)
  COPPICE_NOT_(format_state, format_status)
  COPPICE_NOT_(on_terminate, terminate)
  COPPICE_NOT_(terminated, terminate)
  // One of the two alone may be a member for the class's own use.
  if constexpr (COPPICE_HAS_(restore) || COPPICE_HAS_(restore_state)) {
    COPPICE_NOT_(save, save_state)
  }
  if constexpr (COPPICE_HAS_(save_state)) {
    COPPICE_NOT_(restore, restore_state)
  }
  return true;
}

/// Whether terms can be read as M, in all of its values. `T` is the actor's class.
template <class M, class T>
constexpr bool is_spelled() {
  if constexpr (std::is_scalar_v<M> || std::is_class_v<M>) {
    constexpr flaw found = flaw_of<M>();
    COPPICE_CHECK_(
        "a pointer in a message, arguments or a state has no term: use std::string or std::string_view for "
        "text, std::optional or std::unique_ptr for a value that may be missing",
        found != flaw::pointer)
    COPPICE_CHECK_(
        "a duration in a message, arguments or a state is written in milliseconds, and this one may have a "
        "fraction of them: use std::chrono::milliseconds, or a longer unit, with an integer",
        found != flaw::duration)
    COPPICE_CHECK_(
        "a char in a message, arguments or a state is neither a text nor a number: use std::string for a "
        "text, std::int8_t or std::uint8_t for a number",
        found != flaw::character)
    COPPICE_CHECK_(
        "a type in a message, arguments or a state is a class that cannot be read from a term: an aggregate "
        "has public members, no constructor and no virtual function; for any other class write a "
        "coppice::etf::codec<>",
        found != flaw::opaque)
    COPPICE_CHECK_(
        "a struct in a message, arguments or a state has a base class, whose members are not read: make the "
        "base a member",
        found != flaw::base)
    COPPICE_CHECK_(
        "a struct in a message, arguments or a state has a C array: use std::array, std::vector or "
        "std::string",
        found != flaw::array)
    COPPICE_CHECK_(
        "a struct in a message, arguments or a state has more than 32 members: put some of them into a "
        "struct of their own",
        found != flaw::crowded)
    COPPICE_CHECK_(
        "an enumeration in a message, arguments or a state has an enumerator that is no atom: the values "
        "that have one are 0 to 63",
        found != flaw::unnamed)
    COPPICE_CHECK_(
        "an alternative of a std::variant can never be reached, since one before it takes every term that it "
        "takes: put the narrower one first, or give one of two structs of the same name another etf_tag",
        found != flaw::hidden)
  }
  return true;
}

/// Whether restore_state, which reads a `Taken`, may read what save_state of the same version returns.
template <class Taken, class T>
constexpr bool fits_saved() {
  using given = std::remove_cvref_t<decltype(std::declval<const T&>().save_state())>;
  if constexpr (!is_spelled<Taken, T>()) {
    return false;
  } else {
    COPPICE_CHECK_(
        "restore_state of this class takes a std::variant, which chooses by what a state looks like, and two "
        "versions may look alike: overload it by the version's number, void "
        "restore_state(coppice::version<1>, const S&)",
        !etf::detail::is_a<Taken, std::variant> || std::is_same_v<Taken, given>)
    COPPICE_CHECK_(
        "restore_state of this class takes no term that save_state makes, so every reload would fail: let it "
        "take the type that save_state returns",
        may_take<Taken, given>())
  }
  return true;
}
/// Whether the overloads of restore_state can be read, and the one of the class's version reads what
/// save_state returns.
template <class T>
constexpr bool has_versions() {
  constexpr bool all_spelled =
      !any_version<T>([]<std::uint32_t N>() { return !is_spelled<state_of_version<T, N>, T>(); });
  if constexpr (!all_spelled) {
    return false;
  } else {
    COPPICE_CHECK_(
        "no restore_state of this class reads the version that its save_state writes: add void "
        "restore_state(coppice::version<state_version>, const S&), where state_version is the constant of "
        "the class, static constexpr std::uint32_t state_version = 2",
        restores_version<T, state_version<T>()>)
    if constexpr (restores_version<T, state_version<T>()>)
      return fits_saved<state_of_version<T, state_version<T>()>, T>();
  }
  return false;
}

/// Whether save_state and restore_state fit each other.
template <class T>
constexpr bool has_state() {
  COPPICE_CHECK_(
      "this class has save_state and no restore_state, so a reload would begin anew and lose the state: add "
      "void restore_state(const S&); if the state is only to be shown, rename save_state to format_status",
      COPPICE_HAS_(restore_state) || !COPPICE_HAS_(save_state))
  COPPICE_CHECK_(
      "this class has restore_state and no save_state, so there is nothing to restore: add S save_state() "
      "const",
      COPPICE_HAS_(save_state) || !COPPICE_HAS_(restore_state))
  if constexpr (COPPICE_HAS_(restore_state)) {
    if constexpr (restores_by_version<T>) {
      return has_versions<T>();
    } else {
      constexpr std::size_t last = signature<decltype(&T::restore_state)>::count - 1;
      return fits_saved<parameter_of<&T::restore_state, last>, T>();
    }
  }
  return true;
}

/// Whether restore_state is declared as it is called.
template <class T>
constexpr bool has_restore() {
  if constexpr (COPPICE_HAS_(restore_state) && !restores_by_version<T>) {
    COPPICE_CHECK_(
        "nothing can call restore_state of this class: make it public, and no template; where it is "
        "overloaded, each takes the version's number first, void restore_state(coppice::version<1>, "
        "const S&)",
        COPPICE_REACHES_(restore_state))
    if constexpr (COPPICE_REACHES_(restore_state)) {
      constexpr int count = signature<decltype(&T::restore_state)>::count;
      COPPICE_CHECK_(
          "restore_state is declared otherwise than it is called: void or bool restore_state(const S&), or "
          "(coppice::version<1>, const S&) and so on for each version, or (std::uint32_t version, const S&)",
          count == 1 || count == 2)
      if constexpr (count == 2) {
        COPPICE_CHECK_(
            "restore_state of this class is for a version that is far from its state_version, or it takes "
            "the version by reference: void restore_state(coppice::version<state_version>, const S&)",
            !is_version<parameter_of<&T::restore_state>>)
      }
    }
  }
  return true;
}

/// Whether `configure`, if the class has it, is declared as it is called, and what it replaces is not there.
template <class T>
constexpr bool has_configure() {
  COPPICE_ALONE_(configure)
  if constexpr (COPPICE_HAS_(configure) && COPPICE_REACHES_(configure)) {
    constexpr int count = signature<decltype(&T::configure)>::count;
    COPPICE_CHECK_(
        "configure is declared otherwise than it is called: void configure(const Settings&), with the "
        "configuration's args; a helper of that name gets another name",
        count == 1)
    if constexpr (count == 1) {
      COPPICE_CHECK_(
          "configure is declared otherwise than it is called: void configure(const Settings&)",
          requires(T & t, const parameter_of<&T::configure>& args) {
            requires std::is_void_v<decltype(t.configure(args))>;
          })
      COPPICE_CHECK_(
          "a class with configure has its args from there: void init(), without them",
          !COPPICE_HAS_(init) || requires(T & t) { t.init(); })
      COPPICE_CHECK_(
          "a class with configure has the changed args from there: config_change takes nothing, and may be "
          "left out",
          !COPPICE_HAS_(config_change) || requires(T & t) { t.config_change(); })
      return is_spelled<parameter_of<&T::configure>, T>();
    }
  }
  return true;
}

template <class T>
constexpr bool has_lifecycle() {
  COPPICE_DECLARED_(
      init, "void init() or void init(const Args&)",
      requires(T & t) { t.init(); } || requires { requires signature<decltype(&T::init)>::count == 1; })
  COPPICE_DECLARED_(
      handle_continue, "void handle_continue()", requires(T & t) { t.handle_continue(); })
  COPPICE_DECLARED_(
      config_change, "coppice::outcome config_change(coppice::term, coppice::term)",
      COPPICE_HAS_(configure) ||
          requires(T & t, term old_args, term new_args) { t.config_change(old_args, new_args); })
  COPPICE_DECLARED_(
      save_state, "S save_state() const", requires(const T& t) { t.save_state(); })
  COPPICE_DECLARED_(
      after_restore, "void after_restore()", requires(T & t) { t.after_restore(); })
  COPPICE_DECLARED_(
      format_status, "S format_status() const", requires(const T& t) { t.format_status(); })
  COPPICE_DECLARED_(
      terminate, "void terminate(coppice::term)", requires(T & t, term why) { t.terminate(why); })
  if constexpr (requires { requires signature<decltype(&T::init)>::count == 1; }) {
    if constexpr (!is_spelled<parameter_of<&T::init>, T>()) return false;
  }
  if constexpr (has_configure<T>() && has_restore<T>()) return has_state<T>();
  return false;
}

// ---- servers ----

#define COPPICE_LISTS_(list) \
  requires {                 \
    typename T::list;        \
  }
#define COPPICE_HANDLER_(handler, list)                                                             \
  COPPICE_CHECK_("nothing can call " #handler                                                       \
                 " of this class: make it public, and where it is overloaded "                      \
                 "or a template list its messages: using " #list " = std::variant<first, second>;", \
                 !COPPICE_HAS_(handler) || COPPICE_REACHES_(handler) || COPPICE_LISTS_(list))       \
  COPPICE_CHECK_("this class lists " #list " and has no " #handler " for them",                     \
                 COPPICE_HAS_(handler) || !COPPICE_LISTS_(list))

template <class T>
constexpr bool has_server_names() {
  COPPICE_NOT_(handleCall, handle_call)
  COPPICE_NOT_(HandleCall, handle_call)
  COPPICE_NOT_(handle_calls, handle_call)
  COPPICE_NOT_(on_call, handle_call)
  COPPICE_NOT_(handle_cal, handle_call)
  COPPICE_NOT_(handel_call, handle_call)
  COPPICE_NOT_(hanlde_call, handle_call)
  COPPICE_NOT_(handleCast, handle_cast)
  COPPICE_NOT_(HandleCast, handle_cast)
  COPPICE_NOT_(handle_casts, handle_cast)
  COPPICE_NOT_(on_cast, handle_cast)
  COPPICE_NOT_(handle_cas, handle_cast)
  COPPICE_NOT_(handel_cast, handle_cast)
  COPPICE_NOT_(hanlde_cast, handle_cast)
  COPPICE_NOT_(handleInfo, handle_info)
  COPPICE_NOT_(HandleInfo, handle_info)
  COPPICE_NOT_(handle_infos, handle_info)
  COPPICE_NOT_(on_info, handle_info)
  COPPICE_NOT_(handle_inf, handle_info)
  COPPICE_NOT_(handel_info, handle_info)
  COPPICE_NOT_(hanlde_info, handle_info)
  COPPICE_NOT_(onResponse, on_response)
  COPPICE_NOT_(handle_response, on_response)
  if constexpr (!COPPICE_HAS_(handle_call) && !COPPICE_HAS_(handle_cast)) {
    COPPICE_NOT_(handle_message, handle_info)
    COPPICE_NOT_(handle_messages, handle_info)
    COPPICE_NOT_(on_message, handle_info)
  }
  return true;
}

template <class Message, class T>
constexpr bool takes_call() {
  constexpr bool takes = requires(T & t, const Message& m) {
    t.handle_call(m);
  }
  || requires(T & t, const Message& m, const term& from) {
    t.handle_call(m, from);
  };
  COPPICE_CHECK_(
      "a message of `calls` is taken by no public handle_call(const M&) of this class, nor by one "
      "with (const M&, coppice::term from)",
      takes)
  return true;
}
/// Whether a reply to that call is possible: a handler without `from` replies with its return value.
template <class Message, class T>
constexpr bool answers_call() {
  if constexpr (requires(T & t, const Message& m) { t.handle_call(m); }) {
    using result = decltype(std::declval<T&>().handle_call(std::declval<const Message&>()));
    COPPICE_CHECK_(
        "a handle_call of this class neither replies nor is given whom to reply to, so its caller "
        "would wait in vain: return the reply, or take (const M&, coppice::term from) and reply() "
        "by `from` or a copy of it",
        !std::is_void_v<result> && !std::is_same_v<result, no_reply>)
  }
  return true;
}
template <class Message, class T>
constexpr bool takes_cast() {
  COPPICE_CHECK_(
      "a message of `casts` is taken by no public handle_cast(const M&) of this class",
      requires(T & t, const Message& m) { t.handle_cast(m); })
  return true;
}
template <class Message, class T>
constexpr bool takes_info() {
  COPPICE_CHECK_(
      "a message of `infos` is taken by no public handle_info(const M&) of this class",
      requires(T & t, const Message& m) { t.handle_info(m); })
  return true;
}
template <class Message, class T>
constexpr bool is_message() {
  COPPICE_CHECK_("a message is made empty and then read: give its type a constructor that takes nothing",
                 std::is_default_constructible_v<Message>)
  return is_spelled<Message, T>();
}
/// Calls check.operator()<M>() for each alternative of a variant, or for the type itself.
template <class Listed, class Check>
constexpr bool each_message(Check check) {
  if constexpr (etf::detail::is_a<Listed, std::variant>) {
    return [&]<class... M>(std::variant<M...>*) {
      return (check.template operator()<M>() && ...);
    }(static_cast<Listed*>(nullptr));
  } else {
    return check.template operator()<Listed>();
  }
}

// Whether a class has a handler for a message that its list does not have. An argument that converts to every
// type but the listed ones reaches such a handler. Where several handlers are unlisted the conversion is
// ambiguous, so it is also tried for a part of all types, by a bit of a hash of their names: one of the parts
// has just one of the handlers, in all likelihood.

constexpr std::uint32_t hash_of_name(std::string_view name) {
  std::uint32_t sum = 2166136261U;
  for (const char c : name) sum = (sum ^ static_cast<std::uint8_t>(c)) * 16777619U;
  return sum ^ sum >> 15;
}
template <class T, int Part>
inline constexpr bool is_in_part = [] {
  if constexpr (Part == 0) {
    return true;
  } else {
    const bool bit = (hash_of_name(etf::reflect::spell_type<T>()) >> ((Part - 1) / 2) & 1U) != 0;
    return bit == ((Part - 1) % 2 != 0);
  }
}();
/// Whether a handler of a T is reached by an Of. A message may be of a type that is not copied, such as one
/// with a std::unique_ptr.
template <class Of, class T>
inline constexpr bool is_taken_as = std::is_base_of_v<T, Of> || std::is_convertible_v<const Of&, T>;
/// Converts to all types but those in `Of` and what they convert to. Part 0: to all types.
template <int Part, class... Of>
struct unlisted {
  template <class T>
  requires(!(is_taken_as<Of, T> || ...) && is_in_part<T, Part>) operator T() const noexcept;
};
template <class... Of>
struct without {
  template <int Part>
  using part = unlisted<Part, Of...>;
};
template <class... Of>
constexpr without<Of...> without_all(std::variant<Of...>*) {
  return {};
}
template <class Of>
constexpr without<Of> without_all(Of*) {
  return {};
}
inline constexpr int unlisted_parts = 9;
/// Something that no handler takes unless it is a template.
struct stranger {};

#define COPPICE_UNLISTED_(calls_it, has_unlisted, handler)               \
  template <class T, class M>                                            \
  concept calls_it = requires(T & t, const M& m) {                       \
    t.handler(m);                                                        \
  }                                                                      \
  || requires(T & t, const M& m, const term& from) {                     \
    t.handler(m, from);                                                  \
  };                                                                     \
  template <class T, class Listed>                                       \
  constexpr bool has_unlisted() {                                        \
    using others = decltype(without_all(static_cast<Listed*>(nullptr))); \
    return []<int... Part>(std::integer_sequence<int, Part...>) {        \
      return (calls_it<T, typename others::template part<Part>> || ...); \
    }                                                                    \
    (std::make_integer_sequence<int, unlisted_parts>{});                 \
  }
COPPICE_UNLISTED_(takes_as_call, has_unlisted_call, handle_call)
COPPICE_UNLISTED_(takes_as_cast, has_unlisted_cast, handle_cast)
COPPICE_UNLISTED_(takes_as_info, has_unlisted_info, handle_info)
#undef COPPICE_UNLISTED_

// For overloaded handlers alone: a single one is checked against each listed message.
#define COPPICE_ALL_LISTED_(handler, list, takes_it, has_unlisted)                                          \
  if constexpr (!COPPICE_REACHES_(handler)) {                                                               \
    COPPICE_CHECK_("this class has a " #handler " for a message that `" #list                               \
                   "` does not list, so it is never called: add the message to the std::variant of `" #list \
                   "`, or remove the handler",                                                              \
                   takes_it<T, stranger> || !has_unlisted<T, typename T::list>())                           \
  }

template <class T>
constexpr bool has_calls() {
  COPPICE_HANDLER_(handle_call, calls)
  if constexpr (COPPICE_LISTS_(calls)) {
    constexpr bool fit = each_message<typename T::calls>(
        []<class M>() { return is_message<M, T>() && takes_call<M, T>() && answers_call<M, T>(); });
    if constexpr (fit) {
      COPPICE_ALL_LISTED_(handle_call, calls, takes_as_call, has_unlisted_call)
      return is_spelled<typename T::calls, T>();
    }
    return fit;
  } else if constexpr (COPPICE_REACHES_(handle_call)) {
    constexpr int count = signature<decltype(&T::handle_call)>::count;
    COPPICE_CHECK_(
        "handle_call is declared otherwise than it is called: auto handle_call(const M&), or "
        "(const M&, coppice::term from), and not static",
        count == 1 || count == 2)
    if constexpr (count == 1 || count == 2) {
      using message_type = parameter_of<&T::handle_call>;
      constexpr bool fits = requires(T & t, const message_type& m) {
        t.handle_call(m);
      }
      || requires(T & t, const message_type& m, const term& from) {
        t.handle_call(m, from);
      };
      COPPICE_CHECK_(
          "handle_call is declared otherwise than it is called: auto handle_call(const M&), or "
          "(const M&, coppice::term from)",
          fits)
      return is_message<message_type, T>() && answers_call<message_type, T>();
    }
  }
  return true;
}

#define COPPICE_ONE_WAY_(function, handler, list, takes, takes_it, has_unlisted)                         \
  template <class T>                                                                                     \
  constexpr bool function() {                                                                            \
    COPPICE_HANDLER_(handler, list)                                                                      \
    if constexpr (COPPICE_LISTS_(list)) {                                                                \
      constexpr bool fit =                                                                               \
          each_message<typename T::list>([]<class M>() { return is_message<M, T>() && takes<M, T>(); }); \
      if constexpr (fit) {                                                                               \
        COPPICE_ALL_LISTED_(handler, list, takes_it, has_unlisted)                                       \
        return is_spelled<typename T::list, T>();                                                        \
      }                                                                                                  \
      return fit;                                                                                        \
    } else if constexpr (COPPICE_REACHES_(handler)) {                                                    \
      constexpr int count = signature<decltype(&T::handler)>::count;                                     \
      COPPICE_CHECK_(#handler " is declared otherwise than it is called: void " #handler                 \
                              "(const M&), or coppice::outcome, and not static",                         \
                     count == 1)                                                                         \
      if constexpr (count == 1) {                                                                        \
        using message_type = parameter_of<&T::handler>;                                                  \
        COPPICE_CHECK_(                                                                                  \
            #handler " is declared otherwise than it is called: void " #handler "(const M&)",            \
            requires(T & t, const message_type& m) { t.handler(m); })                                    \
        return is_message<message_type, T>();                                                            \
      }                                                                                                  \
    }                                                                                                    \
    return true;                                                                                         \
  }
COPPICE_ONE_WAY_(has_casts, handle_cast, casts, takes_cast, takes_as_cast, has_unlisted_cast)
COPPICE_ONE_WAY_(has_infos, handle_info, infos, takes_info, takes_as_info, has_unlisted_info)

template <class T>
constexpr bool has_handlers() {
  COPPICE_DECLARED_(
      on_response, "void on_response(std::uint64_t id, std::uint64_t tag, const coppice::answer&)",
      requires(T & t, std::uint64_t id, const answer& got) { t.on_response(id, id, got); })
  COPPICE_CHECK_(
      "this class has nothing that a server does: give it a public handle_call, handle_cast or "
      "handle_info",
      COPPICE_HAS_(handle_call) || COPPICE_HAS_(handle_cast) || COPPICE_HAS_(handle_info) ||
          COPPICE_HAS_(on_response) || COPPICE_HAS_(handle_continue) || COPPICE_HAS_(init))
  return true;
}

/// Whether T can be the class of a server. Gives a sentence for the first mistake.
template <class T>
constexpr bool is_server_class() {
  if constexpr (!is_actor_class<T>()) {
    return false;
  } else if constexpr (!has_lifecycle_names<T>() || !has_server_names<T>()) {
    return false;
  } else {
    return has_lifecycle<T>() && has_calls<T>() && has_casts<T>() && has_infos<T>() && has_handlers<T>();
  }
}

#undef COPPICE_HAS_
#undef COPPICE_REACHES_
#undef COPPICE_CHECK_
#undef COPPICE_NOT_
#undef COPPICE_ALONE_
#undef COPPICE_DECLARED_
#undef COPPICE_LISTS_
#undef COPPICE_HANDLER_
#undef COPPICE_ONE_WAY_
#undef COPPICE_ALL_LISTED_

} // namespace coppice::detail
