// SPDX-License-Identifier: MIT
// How C++ types are written as Erlang terms: the form of an aggregate, its tag and field names, and value
// types that Erlang has and C++ does not. All at compile time.
//
//   struct put { etf::bytes key; std::int64_t value; };            {put, <<"k">>, 1}
//   struct opts { static constexpr etf::form etf_form = etf::form::map;
//                 std::optional<int> timeout; };                    #{timeout => 5} or #{}
//   struct call { static constexpr std::string_view etf_tag = "$gen_call"; … };
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ratio>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <coppice/etf/reflect.hpp>
#include <coppice/etf/types.hpp>

namespace coppice::etf {

enum class form : std::uint8_t {
  record,   ///< {tag, F1, F2}: the default
  tuple,    ///< {F1, F2}
  map,      ///< #{f1 => F1}; an empty optional is left out
  text_map, ///< #{<<"f1">> => F1}
  proplist, ///< [{f1, F1}]; reading takes a bare `f1` for {f1, true}
};

/// An atom's name, borrowed.
struct atom {
  std::string_view name;
  friend bool operator==(const atom&, const atom&) = default;
  friend auto operator<=>(const atom&, const atom&) = default;
};

/// Text that is written as a list of bytes ("abc") instead of a binary.
struct charlist {
  std::string text;
  friend bool operator==(const charlist&, const charlist&) = default;
};

/// Any term as its encoded bytes; borrowed.
struct any_term {
  bytes encoded;
};

template <std::size_t N>
struct fixed_text {
  char data[N]{};
  consteval fixed_text(const char (&text)[N]) { // NOLINT: implicit by purpose
    for (std::size_t i = 0; i < N; ++i) data[i] = text[i];
  }
  constexpr std::string_view view() const { return {data, N - 1}; }
};

/// Exactly one atom: constant<"ok">.
template <fixed_text Name>
struct constant {
  friend bool operator==(const constant&, const constant&) = default;
};

/// A map as pairs in their order; reading refuses a key that comes twice.
template <class Key, class Value>
struct flat_map {
  std::vector<std::pair<Key, Value>> pairs;
  friend bool operator==(const flat_map&, const flat_map&) = default;
};

/// The mapping of an aggregate. Specialise it for a type that cannot carry etf_form, etf_tag or etf_names.
template <class T>
struct shape {
  static constexpr form how = [] {
    if constexpr (requires { T::etf_form; }) return form{T::etf_form};
    return form::record;
  }();
  static constexpr std::string_view tag = [] {
    if constexpr (requires { T::etf_tag; })
      return std::string_view{T::etf_tag};
    else
      return reflect::type_name<T>();
  }();
  template <std::size_t I>
  static constexpr std::string_view name() {
    if constexpr (requires { T::etf_names; })
      return T::etf_names[I];
    else
      return reflect::member_name<T, I>();
  }
};

/// The customisation point: specialise it for your own type with
///   static void encode(writer&, const T&);
///   static bool decode(cursor&, T&, mismatch&);      // false after mismatch::wanted(…)
///   static constexpr std::string_view expected = "a colour";
template <class T>
struct codec;

class cursor;
class mismatch;
class writer;

namespace detail {

template <class T>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

/// How many milliseconds a unit has. Its `den` is 1 if that is a whole number.
template <class Period>
using in_milliseconds = std::ratio_divide<Period, std::milli>;

} // namespace detail

/// A duration is an integer of milliseconds, whatever its own unit. One that may have a fraction of a
/// millisecond has no codec.
template <class Rep, class Period>
requires(std::is_integral_v<Rep>&& detail::in_milliseconds<Period>::den ==
         1) struct codec<std::chrono::duration<Rep, Period>> {
  using type = std::chrono::duration<Rep, Period>;
  static constexpr std::intmax_t scale = detail::in_milliseconds<Period>::num;
  static constexpr std::string_view expected = "milliseconds";
  /// Fails the writer if the milliseconds exceed 64 bits.
  static void encode(writer& out, const type& value) { write(out, value); }
  static bool decode(cursor& in, type& out, mismatch& why) { return read(in, out, why); }

 private:
  // Templates, since the classes are not complete here.
  template <class Writer>
  static void write(Writer& out, const type& value) {
    std::int64_t count;
    if (!std::in_range<std::int64_t>(value.count()) ||
        __builtin_mul_overflow(static_cast<std::int64_t>(value.count()), scale, &count))
      return out.fail();
    out.integer(count);
  }
  template <class Cursor, class Mismatch>
  static bool read(Cursor& in, type& out, Mismatch& why) {
    std::int64_t count;
    const Cursor start = in;
    if (!in.read_integer(count)) return why.wanted(start, expected);
    if (count % scale != 0)
      return why.wanted(start, "milliseconds that are a multiple of " + std::to_string(scale));
    if (!std::in_range<Rep>(count / scale)) return why.wanted(start, "fewer milliseconds");
    return out = type(static_cast<Rep>(count / scale)), true;
  }
};

namespace detail {

template <class T, template <class...> class Of>
inline constexpr bool is_a = false;
template <template <class...> class Of, class... A>
inline constexpr bool is_a<Of<A...>, Of> = true;
template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t N>
inline constexpr bool is_std_array<std::array<T, N>> = true;
template <class T>
inline constexpr bool is_constant = false;
template <fixed_text Name>
inline constexpr bool is_constant<constant<Name>> = true;
template <class T>
inline constexpr std::string_view constant_name{};
template <fixed_text Name>
inline constexpr std::string_view constant_name<constant<Name>> = Name.view();

template <class T>
concept customised = requires {
  sizeof(codec<T>);
};
template <class T>
concept whole_number = std::is_integral_v<T> && !std::is_same_v<T, bool>;
template <class T>
concept text = std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>;
template <class T>
concept blob = std::is_same_v<T, bytes> || std::is_same_v<T, std::vector<std::uint8_t>>;
template <class T>
concept dictionary = requires {
  typename T::key_type;
  typename T::mapped_type;
};
template <class T>
concept sequence =
    !text<T> && !blob<T> && !dictionary<T> && (is_std_array<T> || requires(T t, typename T::value_type v) {
      t.begin();
      t.size();
      t.insert(t.end(), v);
    });
template <class T>
concept tuple_like = is_a<T, std::pair> || is_a<T, std::tuple>;
template <class T>
concept identity = std::is_same_v<T, pid> || std::is_same_v<T, port> || std::is_same_v<T, reference>;
template <class T>
concept aggregate = std::is_class_v<T> && std::is_aggregate_v<T> && !is_std_array<T> && !identity<T> &&
                    !std::is_same_v<T, atom> && !std::is_same_v<T, charlist> &&
                    !std::is_same_v<T, any_term> && !is_constant<T> && !is_a<T, flat_map> && !customised<T>;

/// An atom (or a binary) of up to 255 bytes with its tag, made at compile time.
template <std::size_t Size>
struct literal {
  std::array<std::uint8_t, Size> data{};
};

template <const std::string_view& Name>
consteval auto atom_literal() {
  static_assert(Name.size() < 256);
  literal<Name.size() + 2> made;
  made.data[0] = static_cast<std::uint8_t>(tag::small_atom_utf8);
  made.data[1] = static_cast<std::uint8_t>(Name.size());
  for (std::size_t i = 0; i < Name.size(); ++i) made.data[i + 2] = static_cast<std::uint8_t>(Name[i]);
  return made;
}

template <const std::string_view& Name>
consteval auto binary_literal() {
  static_assert(Name.size() < 256);
  literal<Name.size() + 5> made;
  made.data[0] = static_cast<std::uint8_t>(tag::binary);
  made.data[4] = static_cast<std::uint8_t>(Name.size());
  for (std::size_t i = 0; i < Name.size(); ++i) made.data[i + 5] = static_cast<std::uint8_t>(Name[i]);
  return made;
}

/// {tag, of a record with Arity - 1 fields: all bytes before its first field.
template <const std::string_view& Name, std::size_t Arity>
consteval auto record_literal() {
  static_assert(Arity < 256);
  literal<Name.size() + 4> made;
  made.data[0] = static_cast<std::uint8_t>(tag::small_tuple);
  made.data[1] = static_cast<std::uint8_t>(Arity);
  constexpr auto name = atom_literal<Name>();
  for (std::size_t i = 0; i < name.data.size(); ++i) made.data[i + 2] = name.data[i];
  return made;
}

template <class T>
inline constexpr std::string_view tag_of = shape<T>::tag;
template <class T, std::size_t I>
inline constexpr std::string_view field_of = shape<T>::template name<I>();
template <class T>
inline constexpr auto record_head = record_literal<tag_of<T>, reflect::member_count<T> + 1>();
template <class T, std::size_t I>
inline constexpr auto key_literal = [] {
  if constexpr (shape<T>::how == form::text_map)
    return binary_literal<field_of<T, I>>();
  else
    return atom_literal<field_of<T, I>>();
}();
inline constexpr std::string_view true_name = "true", false_name = "false", undefined_name = "undefined";
inline constexpr auto true_literal = atom_literal<true_name>();
inline constexpr auto false_literal = atom_literal<false_name>();
inline constexpr auto undefined_literal = atom_literal<undefined_name>();

template <class T>
inline constexpr auto constant_literal = atom_literal<constant_name<T>>();

template <auto Value>
consteval std::string_view enumerator() {
  std::string_view spelled = __PRETTY_FUNCTION__;
  const std::size_t at = spelled.find("Value = ") + 8;
  spelled = spelled.substr(at, spelled.find_first_of(";]", at) - at);
  const std::string_view word = reflect::last_word(spelled); // for a value that is no enumerator: its number
  const bool named = word[0] < '0' || word[0] > '9';
  return named ? word : std::string_view{};
}

/// The enumerators of E with values 0 to 63, by value; empty: none.
template <class E, std::size_t... V>
consteval auto enumerators(std::index_sequence<V...>) {
  return std::array<std::string_view, sizeof...(V)>{enumerator<static_cast<E>(V)>()...};
}
template <class E>
inline constexpr auto names_of = enumerators<E>(std::make_index_sequence<64>{});

} // namespace detail

} // namespace coppice::etf
