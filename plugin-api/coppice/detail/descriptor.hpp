// SPDX-License-Identifier: MIT
// COPPICE_PLUGIN("id", "version", actor, …): the exported descriptor and the ELF note of a C++ plugin. Both
// are made at compile time from the same values, so that they cannot differ. Header-only.
#pragma once

#include <coppice/detail/args_schema.hpp>
#include <coppice/detail/host.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

namespace coppice {

/// What happens to a call or cast that no callback handles, set by the constant `unhandled` of a class. The
/// configuration's `unhandled`, beside `actor:`, has precedence.
enum class unhandled {
  exit,        ///< the actor ends, as OTP's servers do
  reply_error, ///< the caller gets {error, {bad_request, Text}}; a cast is logged
  log,         ///< a log line
  ignore,      ///< dropped
};

/// The requests that an actor accepts, set by the constant `takes`, a list: static constexpr coppice::taken
/// takes[] = {coppice::taken::calls}. `coppice check` warns of a web route to an actor whose list has no
/// `web`.
enum class taken { calls, casts, messages, web };

} // namespace coppice

namespace coppice::detail {

inline constexpr std::string_view unhandled_words[] = {"exit", "reply_error", "log", "ignore"};
inline constexpr std::string_view taken_words[] = {"calls", "casts", "messages", "web"};

/// The behaviour of an actor class: `name`, and `tables`, an array of coppice_table that ends with an empty
/// one. Each behaviour's header specialises it.
template <class T>
struct behaviour_of {
  static_assert(std::is_void_v<T>,
                "an actor's class derives from its behaviour's: class name : public "
                "coppice::server, of <coppice/server.hpp>");
  static constexpr const char* name = "";
  static constexpr coppice_table tables[] = {{nullptr, nullptr}};
};

/// The web requests that a class answers; coppice/web.hpp specialises it for its actors.
struct web_answers {
  bool declared = false, requests = false, events = false, websockets = false;
};
template <class T>
inline constexpr web_answers answers_of{};

template <class T, etf::fixed_text Id>
constexpr const char* actor_name() {
  if constexpr (requires { T::name; }) {
    return std::string_view(T::name).data();
  } else {
    return Id.data;
  }
}
// A text is written twice, by the same code: first to count its bytes, then to fill them in.
struct note_counter {
  std::size_t size = 0;
  constexpr void add(std::string_view text) { size += text.size(); }
};
template <std::size_t Size>
struct note_text {
  std::array<char, Size> data{};
  std::size_t size = 0;
  constexpr void add(std::string_view text) {
    for (const char c : text) data[size++] = c;
  }
};

/// Ends with a zero.
template <class Args>
inline constexpr auto schema_text =
    made_schema<Args>(note_text<made_schema<Args>(note_counter{}).size + 1>{}).data;

template <class T>
constexpr const char* schema() {
  if constexpr (requires { T::args_schema; }) {
    return std::string_view(T::args_schema).data();
  } else if constexpr (has_made_schema<args_of<T>>()) {
    return schema_text<args_of<T>>.data();
  } else {
    return nullptr;
  }
}
template <class T>
constexpr std::uint32_t state_version() {
  if constexpr (requires { T::state_version; }) {
    return T::state_version;
  } else {
    return 0;
  }
}

template <class T, etf::fixed_text Id>
inline constexpr coppice_actor_type actor_type_of = {sizeof(coppice_actor_type), state_version<T>(),
                                                     actor_name<T, Id>(),        behaviour_of<T>::name,
                                                     behaviour_of<T>::tables,    schema<T>()};

template <etf::fixed_text Id, class... Actors>
inline constexpr const coppice_actor_type* actor_types[] = {&actor_type_of<Actors, Id>...};

/// Identifies a class of this plugin by the address of `key`; the class may be incomplete where the address
/// is taken.
template <class T>
inline constinit char class_key = 0;
struct named_class {
  const void* key;
  const char* name; // the actor's name
};
template <etf::fixed_text Id, class... Actors>
inline constexpr named_class named_classes[] = {{&class_key<Actors>, actor_name<Actors, Id>()}..., {}};
/// The classes of COPPICE_PLUGIN and an empty entry at the end; set when the plugin is loaded.
inline const named_class* classes = nullptr;

inline const named_class* find_class(const void* key) {
  if (classes == nullptr) return nullptr;
  const named_class* each = classes;
  while (each->key != nullptr && each->key != key) ++each;
  return each->key == nullptr ? nullptr : each;
}

/// The name of T as this compiler spells it: "shop::game".
template <class T>
consteval std::string_view class_name() {
  std::string_view spelled = __PRETTY_FUNCTION__;
  const std::size_t at = spelled.find("T = ") + 4;
  return spelled.substr(at, spelled.find_first_of(";]", at) - at);
}
/// A class by which the code names an actor. Entries are linked into a list when the plugin is loaded and
/// never unlinked. They have no destructor, which would keep the plugin mapped.
struct wanted_class {
  const void* key;
  std::string_view name;
  wanted_class* next = nullptr;

  static inline constinit wanted_class* first = nullptr;
};
template <class T>
struct wanted {
  static inline constinit wanted_class entry{&class_key<T>, class_name<T>(), nullptr};
  static inline const bool listed = [] {
    entry.next = wanted_class::first;
    wanted_class::first = &entry;
    return true;
  }();
};

/// "PLUGIN:ACTOR" of a class of this plugin. If COPPICE_PLUGIN does not list the class, the plugin is not
/// loaded.
template <class Actor>
std::string name_of_class() {
  static_cast<void>(&wanted<Actor>::listed);
  const named_class* const found = find_class(&class_key<Actor>);
  return etf::detail::concatenated({coppice_plugin.id, ":", found == nullptr ? "" : found->name});
}

/// Sets the error sentence "BEFORE NAME BEHIND".
inline std::int32_t refuse_start(const coppice_host* given, coppice_error* error, std::int32_t status,
                                 std::string_view before, std::string_view name,
                                 std::string_view behind) noexcept {
  char text[256];
  std::size_t size = 0;
  for (const std::string_view part : {before, name, behind})
    size += part.copy(text + size, sizeof text - size);
  given->set_error(error, status, plain(std::string_view(text, size)));
  return status;
}

template <etf::fixed_text Id, class... Actors>
std::int32_t start(const coppice_host* given, coppice_error* error) noexcept {
  if (const char* const missing = connect(*given))
    return refuse_start(given, error, COPPICE_E_UNSUPPORTED, "this host lacks ", missing,
                        ", which C++ plugins need");
  classes = named_classes<Id, Actors...>;
  for (const wanted_class* each = wanted_class::first; each != nullptr; each = each->next) {
    if (find_class(each->key) == nullptr)
      return refuse_start(given, error, COPPICE_E_INVALID, "its code starts actors of the class ", each->name,
                          ", which COPPICE_PLUGIN does not list");
  }
  return COPPICE_OK;
}

template <class Out>
constexpr void add_number(Out& out, std::uint32_t value) {
  char digits[10]{};
  std::size_t count = 0;
  do {
    digits[count++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (count != 0) out.add({&digits[--count], 1});
}

/// A state as the manifest names it: an enumerator's name, or a text.
template <class State>
constexpr std::string_view state_name(const State& state) {
  if constexpr (std::is_enum_v<State>) {
    return etf::detail::names_of<State>[static_cast<std::size_t>(state)];
  } else {
    static_assert(std::is_convertible_v<const State&, std::string_view>,
                  "`states` names states: they are enumerators, or texts");
    return std::string_view(state);
  }
}

/// Writes T::states, an array of edges {from, on, to}, as a list of states in the order in which they are
/// first named, each with the edges that leave it.
template <class T, class Out>
constexpr void add_states(Out& out) {
  constexpr std::size_t most = 2 * std::size(T::states);
  std::string_view names[most];
  std::size_t count = 0;
  const auto name_it = [&](std::string_view name) {
    for (std::size_t i = 0; i < count; ++i)
      if (names[i] == name) return;
    names[count++] = name;
  };
  for (const auto& edge : T::states) {
    name_it(state_name(edge.from));
    name_it(state_name(edge.to));
  }
  for (std::size_t i = 0; i < count; ++i) {
    out.add(i == 0 ? "{\"name\":\"" : ",{\"name\":\"");
    out.add(names[i]);
    out.add("\",\"on\":[");
    bool first = true;
    for (const auto& edge : T::states) {
      if (state_name(edge.from) != names[i]) continue;
      out.add(first ? "{\"event\":\"" : ",{\"event\":\"");
      out.add(edge.on);
      out.add("\",\"to\":\"");
      out.add(state_name(edge.to));
      out.add("\"}");
      first = false;
    }
    out.add("]}");
  }
}

template <class T, etf::fixed_text Id, class Out>
constexpr void add_actor(Out& out, bool first) {
  out.add(first ? "{\"name\":\"" : ",{\"name\":\"");
  out.add(actor_name<T, Id>());
  out.add("\",\"behaviour\":\"");
  out.add(behaviour_of<T>::name);
  out.add("\",\"tables\":[");
  for (const coppice_table* each = behaviour_of<T>::tables; each->name != nullptr; ++each) {
    out.add(each == behaviour_of<T>::tables ? "\"" : ",\"");
    out.add(each->name);
    out.add("\"");
  }
  out.add("],\"state_version\":");
  add_number(out, state_version<T>());
  if constexpr (requires { T::unhandled; }) {
    static_assert(std::is_same_v<std::remove_cv_t<decltype(T::unhandled)>, coppice::unhandled>,
                  "unhandled is one of coppice::unhandled: static constexpr auto unhandled = "
                  "coppice::unhandled::reply_error");
    out.add(",\"unhandled\":\"");
    out.add(unhandled_words[static_cast<std::size_t>(T::unhandled)]);
    out.add("\"");
  }
  if constexpr (requires { T::takes; }) {
    out.add(",\"takes\":[");
    bool is_first = true;
    for (const coppice::taken one : T::takes) {
      out.add(is_first ? "\"" : ",\"");
      out.add(taken_words[static_cast<std::size_t>(one)]);
      out.add("\"");
      is_first = false;
    }
    out.add("]");
  }
  if constexpr (answers_of<T>.declared) {
    constexpr web_answers all = answers_of<T>;
    out.add(",\"answers\":[");
    if (all.requests) out.add("\"requests\"");
    if (all.events) out.add(all.requests ? ",\"events\"" : "\"events\"");
    if (all.websockets) out.add(all.requests || all.events ? ",\"websockets\"" : "\"websockets\"");
    out.add("]");
  }
  if constexpr (requires {
                  typename T::edge;
                  std::size(T::states);
                }) {
    out.add(",\"states\":[");
    add_states<T>(out);
    out.add("]");
  }
  if constexpr (schema<T>() != nullptr) {
    out.add(",\"args_schema\":");
    out.add(schema<T>());
  }
  out.add("}");
}

template <etf::fixed_text Id, etf::fixed_text Version, class... Actors>
constexpr auto add_manifest(auto out) {
  out.add("{\"coppice\":1,\"id\":\"");
  out.add(Id.view());
  out.add("\",\"version\":\"");
  out.add(Version.view());
  out.add("\",\"abi\":[");
  add_number(out, COPPICE_ABI_MAJOR);
  out.add(",0],\"actors\":[");
  bool first = true;
  (..., (add_actor<Actors, Id>(out, first), first = false));
  out.add("]}");
  return out;
}

template <std::size_t Size>
struct note {
  std::uint32_t name_size = 8;
  std::uint32_t text_size = Size;
  std::uint32_t type = 1;
  char name[8] = {'C', 'o', 'p', 'p', 'i', 'c', 'e', 0};
  std::array<char, Size> text{};
};

template <etf::fixed_text Id, etf::fixed_text Version, class... Actors>
consteval auto make_note() {
  constexpr std::size_t size = add_manifest<Id, Version, Actors...>(note_counter{}).size;
  static_assert(size < 64 * 1024, "the manifest exceeds 64 KiB");
  constexpr std::size_t padded = (size + 4) / 4 * 4; // zero bytes at the end are not part of the text
  note<padded> made;
  made.text = add_manifest<Id, Version, Actors...>(note_text<padded>{}).data;
  return made;
}

} // namespace coppice::detail

#define COPPICE_PLUGIN(id, version, ...)                                                              \
  [[gnu::used, gnu::aligned(4), gnu::section(".note.coppice")]] static constexpr auto coppice_note_ = \
      ::coppice::detail::make_note<id, version, __VA_ARGS__>();                                       \
  extern "C" COPPICE_EXPORT const coppice_descriptor coppice_plugin = {                               \
      COPPICE_DESCRIPTOR_HEAD,                                                                        \
      id,                                                                                             \
      version,                                                                                        \
      nullptr,                                                                                        \
      std::size(::coppice::detail::actor_types<id, __VA_ARGS__>),                                     \
      ::coppice::detail::actor_types<id, __VA_ARGS__>,                                                \
      &::coppice::detail::start<id, __VA_ARGS__>,                                                     \
      nullptr}
