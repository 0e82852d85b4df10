// SPDX-License-Identifier: MIT
// Compile-time checks of the types that an author uses as messages, arguments and states. The codec refuses
// a type that it cannot read, but its errors show the library's insides, and some mistakes compile: an
// alternative of a variant that an earlier one hides, an enumerator without an atom. Each of these mistakes
// gets a sentence here.
#pragma once

#include <coppice/answer.hpp>
#include <coppice/owned.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace coppice::detail {

/// Why a type cannot be read from a term, or not in all its values.
enum class flaw { none, pointer, duration, character, opaque, base, array, crowded, unnamed, hidden };

template <class...>
struct type_list {};
template <class T, class... Of>
inline constexpr bool is_one_of = (std::is_same_v<T, Of> || ...);

// Candidates for an initialiser of T, to find out how T's members are declared. Only named, never called.
struct any_scalar {
  template <class T>
  requires std::is_scalar_v<T>
  operator T() const noexcept;
};
struct any_class {
  template <class T>
  requires std::is_class_v<T>
  operator T() const noexcept;
};
template <class Derived>
struct any_base {
  template <class T>
  requires(std::is_base_of_v<T, Derived> && !std::is_same_v<T, Derived>) operator T() const noexcept;
};

template <class T>
inline constexpr bool has_base = requires {
  T{any_base<T>{}};
};
/// Whether the initialiser behind the first sizeof...(Before) ones is that of an array of scalars.
template <class T, std::size_t... Before>
constexpr bool array_after(std::index_sequence<Before...>) {
  using filler = etf::reflect::anything<T>;
  if constexpr (requires { T{(static_cast<void>(Before), filler{})..., any_class{}}; }) {
    return false;
  } else {
    return requires {
      T{(static_cast<void>(Before), filler{})..., {any_scalar{}, any_scalar{}}};
    };
  }
}
template <class T>
inline constexpr bool has_array = []<std::size_t... I>(std::index_sequence<I...>) {
  return (array_after<T>(std::make_index_sequence<I>{}) || ...);
}
(std::make_index_sequence<etf::reflect::member_count<T>>{});
template <class T>
inline constexpr bool is_crowded =
    etf::reflect::takes<T>(std::make_index_sequence<etf::reflect::most_members + 1>{});

template <class... Of>
constexpr type_list<std::remove_cv_t<Of>...> parts_of(std::tuple<Of...>*) {
  return {};
}
template <class First, class Second>
constexpr type_list<std::remove_cv_t<First>, std::remove_cv_t<Second>> parts_of(std::pair<First, Second>*) {
  return {};
}
/// The types of T's members, for an aggregate without a flaw of its own.
template <class T>
using member_list = decltype(parts_of(static_cast<members_of<T>*>(nullptr)));

template <auto... Value>
consteval std::string_view spelled_values() {
  return __PRETTY_FUNCTION__;
}
/// Whether E has an enumerator with a value from 64 to 127. The compilers spell an enumerator by its name,
/// and another value as "(E)64".
template <class E>
consteval bool has_large_enumerators() {
  if constexpr (std::is_same_v<std::underlying_type_t<E>, bool>) {
    return false; // 64 would be converted to true
  } else if constexpr (requires { E{0}; }) {
    constexpr std::string_view spelled = []<int... I>(std::integer_sequence<int, I...>) {
      return spelled_values<static_cast<E>(I + 64)...>();
    }
    (std::make_integer_sequence<int, 64>{});
    std::string_view rest = spelled.substr(spelled.find("Value = ") + 8);
    if (rest.starts_with('{') || rest.starts_with('<')) rest.remove_prefix(1);
    while (rest.starts_with('(')) {
      // Past the type's name, which may have commas and brackets of its own. An enumerator of an unnamed
      // namespace begins with a bracket, too, but no number follows that one.
      std::size_t end = 0, depth = 0;
      do {
        if (rest[end] == '(') ++depth;
        if (rest[end] == ')') --depth;
        ++end;
      } while (depth != 0 && end < rest.size());
      if (end == rest.size()) return false;
      if (rest[end] < '0' || rest[end] > '9') return true;
      end = rest.find_first_of(",}>]", end);
      if (end == rest.npos || rest[end] != ',') return false;
      rest.remove_prefix(end + 2);
    }
    return true;
  }
  return false;
}
template <class E>
consteval bool has_named_values() {
  for (const std::string_view name : etf::detail::names_of<E>)
    if (!name.empty()) return true;
  return false;
}

/// Whether A's shape takes every term that B's shape takes, as far as that can be told: true is certain for
/// all but maps, whose unknown keys are ignored. Deeper than `Depth` levels nothing is told.
template <class A, class B, int Depth = 4>
constexpr bool takes_all();

template <class A, class B, int Depth, class... Of>
constexpr bool one_takes_all(std::variant<Of...>*) {
  return (takes_all<Of, B, Depth>() || ...);
}
template <class A, class B, int Depth, class... Of>
constexpr bool takes_all_of_each(std::variant<Of...>*) {
  return (takes_all<A, Of, Depth>() && ...);
}
template <int Depth, class... Of, class... Other>
constexpr bool each_takes_all(type_list<Of...>, type_list<Other...>) {
  if constexpr (sizeof...(Of) == sizeof...(Other)) return (takes_all<Of, Other, Depth>() && ...);
  return false;
}
template <class A, class B, std::size_t I, int Depth, class... Of, class... Other>
constexpr bool takes_member_of(type_list<Of...>, type_list<Other...>) {
  using mine = std::tuple_element_t<I, std::tuple<Of...>>;
  return [&]<std::size_t... J>(std::index_sequence<J...>) {
    return ((etf::detail::field_of<A, I> == etf::detail::field_of<B, J> && takes_all<mine, Other, Depth>() &&
             (etf::detail::is_a<mine, std::optional> || !etf::detail::is_a<Other, std::optional>)) ||
            ...) ||
           (etf::detail::is_a<mine, std::optional> &&
            ((etf::detail::field_of<A, I> != etf::detail::field_of<B, J>)&&...));
  }
  (std::make_index_sequence<sizeof...(Other)>{});
}
template <class A, class B, int Depth>
constexpr bool map_takes_all() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return (takes_member_of<A, B, I, Depth>(member_list<A>(), member_list<B>()) && ...);
  }
  (std::make_index_sequence<etf::reflect::member_count<A>>{});
}
template <class A, class B, int Depth>
constexpr bool aggregate_takes_all() {
  using etf::shape;
  constexpr etf::form how = shape<A>::how;
  if constexpr (how != shape<B>::how || how == etf::form::proplist) {
    return false;
  } else if constexpr (how == etf::form::map || how == etf::form::text_map) {
    return map_takes_all<A, B, Depth>();
  } else {
    return (how == etf::form::tuple || shape<A>::tag == shape<B>::tag) &&
           each_takes_all<Depth>(member_list<A>(), member_list<B>());
  }
}

template <class A, class B, int Depth>
constexpr bool takes_all() {
  using namespace etf::detail;
  if constexpr (std::is_same_v<A, B> || std::is_same_v<A, term> || std::is_same_v<A, owned_term>) {
    return true;
  } else if constexpr (is_duration<B> && whole_number<A>) {
    return std::is_signed_v<A> && sizeof(A) == 8;
  } else if constexpr (Depth == 0 || customised<A> || customised<B> || std::is_same_v<B, term>) {
    return false;
  } else if constexpr (is_a<B, std::variant>) {
    return takes_all_of_each<A, B, Depth - 1>(static_cast<B*>(nullptr));
  } else if constexpr (is_a<A, std::variant>) {
    return one_takes_all<A, B, Depth - 1>(static_cast<A*>(nullptr));
  } else if constexpr (is_a<A, std::optional>) {
    if constexpr (is_a<B, std::optional>)
      return takes_all<typename A::value_type, typename B::value_type, Depth - 1>();
    else
      return takes_all<typename A::value_type, B, Depth - 1>();
  } else if constexpr (std::is_floating_point_v<A>) {
    return std::is_floating_point_v<B> || whole_number<B>;
  } else if constexpr (whole_number<A>) {
    if constexpr (whole_number<B>)
      return (std::is_signed_v<A> || std::is_unsigned_v<B>)&&std::numeric_limits<B>::digits <=
             std::numeric_limits<A>::digits;
    else
      return false;
  } else if constexpr (text<A>) {
    return text<B> || blob<B>;
  } else if constexpr (blob<A>) {
    return blob<B>;
  } else if constexpr (std::is_same_v<A, etf::atom>) {
    return std::is_enum_v<B> || is_constant<B> || std::is_same_v<B, bool>;
  } else if constexpr (sequence<A>) {
    if constexpr (sequence<B> && !is_std_array<A>)
      return takes_all<typename A::value_type, typename B::value_type, Depth - 1>();
    else
      return false;
  } else if constexpr (dictionary<A>) {
    if constexpr (dictionary<B>)
      return takes_all<typename A::key_type, typename B::key_type, Depth - 1>() &&
             takes_all<typename A::mapped_type, typename B::mapped_type, Depth - 1>();
    else
      return false;
  } else if constexpr (tuple_like<A>) {
    if constexpr (tuple_like<B>)
      return each_takes_all<Depth - 1>(parts_of(static_cast<A*>(nullptr)),
                                       parts_of(static_cast<B*>(nullptr)));
    else
      return false;
  } else if constexpr (aggregate<A>) {
    if constexpr (aggregate<B>)
      return aggregate_takes_all<A, B, Depth - 1>();
    else
      return false;
  } else {
    return false;
  }
}

/// The kind of term that all values of T are. none: they may be of several kinds, or it cannot be told.
template <class T>
constexpr etf::kind kind_of() {
  using namespace etf::detail;
  using etf::kind;
  if constexpr (customised<T>)
    return kind::none;
  else if constexpr (std::is_enum_v<T> || is_constant<T> || std::is_same_v<T, bool> ||
                     std::is_same_v<T, etf::atom>)
    return kind::atom;
  else if constexpr (whole_number<T>)
    return kind::integer;
  else if constexpr (text<T> || blob<T>)
    return kind::binary;
  else if constexpr (dictionary<T> || is_a<T, etf::flat_map>)
    return kind::map;
  else if constexpr (tuple_like<T>)
    return kind::tuple;
  else if constexpr (aggregate<T>)
    return etf::shape<T>::how == etf::form::record || etf::shape<T>::how == etf::form::tuple ? kind::tuple
           : etf::shape<T>::how == etf::form::proplist                                       ? kind::none
                                                                                             : kind::map;
  else
    return kind::none;
}

/// The size of the tuple that a T is, and its first element if that is always the same atom.
template <class T>
constexpr std::size_t tuple_size() {
  if constexpr (etf::detail::tuple_like<T>)
    return std::tuple_size_v<T>;
  else
    return etf::reflect::member_count<T> + (etf::shape<T>::how == etf::form::record ? 1 : 0);
}
template <class T>
constexpr std::string_view tuple_tag() {
  if constexpr (etf::detail::aggregate<T>) {
    if constexpr (etf::shape<T>::how == etf::form::record) return etf::shape<T>::tag;
  }
  return {};
}
/// Whether A may be read from what B writes. False is certain.
template <class A, class B>
constexpr bool may_take() {
  using etf::detail::is_a;
  if constexpr (is_a<A, std::variant>) {
    return []<class... Of>(std::variant<Of...>*) {
      return (may_take<Of, B>() || ...);
    }(static_cast<A*>(nullptr));
  } else {
    constexpr etf::kind a = kind_of<A>(), b = kind_of<B>();
    if constexpr (a == etf::kind::none || b == etf::kind::none) {
      return true;
    } else if constexpr (a == etf::kind::tuple && a == b) {
      return tuple_size<A>() == tuple_size<B>() &&
             (tuple_tag<A>().empty() || tuple_tag<B>().empty() || tuple_tag<A>() == tuple_tag<B>());
    } else {
      return a == b;
    }
  }
}

/// Whether an alternative can never be reached, since one before it takes every term that it takes.
template <class... Of>
constexpr bool hides_an_alternative(std::variant<Of...>*) {
  using all = std::tuple<Of...>;
  constexpr auto is_hidden = []<std::size_t At, std::size_t... Before>(
      std::integral_constant<std::size_t, At>, std::index_sequence<Before...>) {
    return (takes_all<std::tuple_element_t<Before, all>, std::tuple_element_t<At, all>>() || ...);
  };
  return [&]<std::size_t... At>(std::index_sequence<At...>) {
    return (is_hidden(std::integral_constant<std::size_t, At>{}, std::make_index_sequence<At>{}) || ...);
  }
  (std::index_sequence_for<Of...>{});
}

/// The first flaw in T or in a part of it. `Seen` are the aggregates that contain it: a type may contain
/// itself.
template <class T, class... Seen>
constexpr flaw flaw_of();

template <class... Seen, class... Of>
constexpr flaw flaw_of_parts(type_list<Of...>) {
  flaw found = flaw::none;
  static_cast<void>((((found = flaw_of<Of, Seen...>()) != flaw::none) || ...));
  return found;
}
template <class... Seen, class... Of>
constexpr flaw flaw_of_alternatives(std::variant<Of...>* listed) {
  constexpr flaw found = flaw_of_parts<Seen...>(type_list<Of...>());
  if constexpr (found != flaw::none) {
    return found;
  } else {
    return hides_an_alternative(listed) ? flaw::hidden : flaw::none;
  }
}
template <class T, class... Seen>
constexpr flaw flaw_of_aggregate() {
  if constexpr (is_one_of<T, Seen...>) {
    return flaw::none;
  } else if constexpr (has_base<T>) {
    return flaw::base;
  } else if constexpr (has_array<T>) {
    return flaw::array;
  } else if constexpr (is_crowded<T>) {
    return flaw::crowded;
  } else {
    return flaw_of_parts<T, Seen...>(member_list<T>());
  }
}

template <class T, class... Seen>
constexpr flaw flaw_of() {
  using namespace etf::detail;
  if constexpr (customised<T>) {
    return flaw::none;
  } else if constexpr (std::is_enum_v<T>) {
    return has_large_enumerators<T>() || !has_named_values<T>() ? flaw::unnamed : flaw::none;
  } else if constexpr (std::is_pointer_v<T>) {
    return flaw::pointer;
  } else if constexpr (is_duration<T>) {
    return flaw::duration; // one without a codec
  } else if constexpr (is_one_of<T, char, wchar_t, char8_t, char16_t, char32_t>) {
    return flaw::character;
  } else if constexpr (is_a<T, std::optional>) {
    return flaw_of<typename T::value_type, Seen...>();
  } else if constexpr (is_a<T, std::unique_ptr>) {
    return flaw_of<typename T::element_type, Seen...>();
  } else if constexpr (is_a<T, std::variant>) {
    return flaw_of_alternatives<Seen...>(static_cast<T*>(nullptr));
  } else if constexpr (tuple_like<T>) {
    return flaw_of_parts<Seen...>(parts_of(static_cast<T*>(nullptr)));
  } else if constexpr (is_constant<T> || std::is_arithmetic_v<T> || text<T> || blob<T> || identity<T> ||
                       is_one_of<T, etf::atom, etf::charlist, etf::any_term>) {
    return flaw::none;
  } else if constexpr (dictionary<T>) {
    return flaw_of_parts<Seen...>(type_list<typename T::key_type, typename T::mapped_type>());
  } else if constexpr (is_a<T, etf::flat_map>) {
    return flaw_of<typename decltype(T::pairs)::value_type, Seen...>();
  } else if constexpr (sequence<T>) {
    return flaw_of<typename T::value_type, Seen...>();
  } else if constexpr (aggregate<T>) {
    return flaw_of_aggregate<T, Seen...>();
  } else {
    return flaw::opaque;
  }
}

} // namespace coppice::detail
