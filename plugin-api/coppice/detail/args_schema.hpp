// SPDX-License-Identifier: MIT
// The schema of an actor's args, made from the struct that its class reads them into, at compile time. It
// stands where an author's args_schema would, in the descriptor and in the note, so that `coppice check`
// refuses unknown keys and values of another type. A key is required, or has a default, by the rules of
// settings.hpp; of a struct that the compiler cannot make, none is required here, and the actor's start
// refuses what is missing. Header-only.
#pragma once

#include <coppice/detail/args.hpp>
#include <coppice/detail/signature.hpp>
#include <coppice/detail/spelling.hpp>
#include <coppice/etf/utf8.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>

namespace coppice::detail {

template <class Out>
constexpr void add_whole(Out& out, std::uint64_t magnitude, bool is_negative) {
  char digits[20]{};
  std::size_t count = 0;
  do {
    digits[count++] = static_cast<char>('0' + magnitude % 10);
    magnitude /= 10;
  } while (magnitude != 0);
  if (is_negative) out.add("-");
  while (count != 0) out.add({&digits[--count], 1});
}
template <class Number, class Out>
constexpr void add_integer(Out& out, Number value) {
  const bool is_negative = value < 0;
  const auto wide = static_cast<std::uint64_t>(value);
  add_whole(out, is_negative ? 0 - wide : wide, is_negative);
}

/// A text in quotes.
template <class Out>
constexpr void add_quoted(Out& out, std::string_view text) {
  out.add("\"");
  for (const char& c : text) {
    if (c == '"' || c == '\\') out.add("\\");
    if (static_cast<unsigned char>(c) >= 0x20) {
      out.add({&c, 1});
    } else {
      out.add("\\u00");
      out.add({&"0123456789abcdef"[c / 16], 1});
      out.add({&"0123456789abcdef"[c % 16], 1});
    }
  }
  out.add("\"");
}

/// How many digits behind the point a fraction has, up to 15. -1: more, or it is very large, or no number.
template <class Real>
constexpr int fraction_digits(Real value) {
  double scale = 1;
  for (int digits = 0; digits <= 15; ++digits, scale *= 10) {
    const double scaled = static_cast<double>(value) * scale;
    if (!(scaled > -9e15 && scaled < 9e15)) return -1;
    const auto rounded = static_cast<std::int64_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    if (static_cast<Real>(static_cast<double>(rounded) / scale) == value) return digits;
  }
  return -1;
}
template <class Real, class Out>
constexpr void add_fraction(Out& out, Real value) {
  const int digits = fraction_digits(value);
  std::uint64_t scale = 1;
  for (int i = 0; i < digits; ++i) scale *= 10;
  const double magnitude = static_cast<double>(value < 0 ? -value : value);
  const auto all = static_cast<std::uint64_t>(magnitude * static_cast<double>(scale) + 0.5);
  add_whole(out, all / scale, value < 0);
  out.add(".");
  for (std::uint64_t rest = all % scale, each = scale / 10; each != 0; rest %= each, each /= 10) {
    const char digit = static_cast<char>('0' + rest / each);
    out.add({&digit, 1});
  }
  if (digits == 0) out.add("0");
}

// ---- defaults ----

constexpr bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    std::uint8_t next[4]{};
    std::size_t size = 0;
    for (; size < 4 && size < text.size(); ++size) next[size] = static_cast<std::uint8_t>(text[size]);
    std::uint32_t point = 0;
    const std::size_t step = etf::utf8::decode(next, size, point);
    if (step == 0) return false;
    text.remove_prefix(step);
  }
  return true;
}
/// Whether a default can be written in the schema. One that cannot be is left to the reader of the args.
template <class M>
constexpr bool is_writable(const M& value) {
  using namespace etf::detail;
  if constexpr (is_duration<M>) {
    return value.count() >= 0 && value.count() <= std::numeric_limits<std::int32_t>::max();
  } else if constexpr (text<M>) {
    return is_utf8(value);
  } else if constexpr (std::is_same_v<M, byte_size> || std::is_integral_v<M>) {
    return true;
  } else if constexpr (std::is_floating_point_v<M>) {
    return fraction_digits(value) >= 0;
  } else if constexpr (!customised<M> && std::is_enum_v<M>) {
    const auto place = static_cast<std::uint64_t>(value);
    return place < names_of<M>.size() && !names_of<M>[place].empty();
  } else if constexpr (is_a<M, std::optional>) {
    return value && is_writable(*value);
  } else if constexpr (!customised<M> && sequence<M>) {
    for (const auto& each : value)
      if (!is_writable(each)) return false;
    return true;
  } else {
    return false;
  }
}
/// `is_outer`: it is a member's value, and no element of one. Only there durations have a unit.
template <class M, class Out>
constexpr void add_value(Out& out, const M& value, bool is_outer) {
  using namespace etf::detail;
  if constexpr (is_duration<M>) {
    if (is_outer) out.add("\"");
    add_integer(out, static_cast<std::int64_t>(value.count()) * etf::codec<M>::scale);
    if (is_outer) out.add("ms\"");
  } else if constexpr (std::is_same_v<M, byte_size>) {
    add_integer(out, value.bytes);
  } else if constexpr (text<M>) {
    add_quoted(out, value);
  } else if constexpr (std::is_same_v<M, bool>) {
    out.add(value ? "true" : "false");
  } else if constexpr (std::is_integral_v<M>) {
    add_integer(out, value);
  } else if constexpr (std::is_floating_point_v<M>) {
    add_fraction(out, value);
  } else if constexpr (!customised<M> && std::is_enum_v<M>) {
    add_quoted(out, names_of<M>[static_cast<std::size_t>(value)]);
  } else if constexpr (is_a<M, std::optional>) {
    if (value) add_value(out, *value, is_outer);
  } else if constexpr (!customised<M> && sequence<M>) {
    out.add("[");
    bool is_first = true;
    for (const auto& each : value) {
      if (!is_first) out.add(",");
      is_first = false;
      add_value(out, each, false);
    }
    out.add("]");
  }
}
template <class T, std::size_t I, class Out>
constexpr void add_default(Out& out) {
  T made{};
  etf::reflect::with_members(made, [&out](const auto&... member) {
    const auto& chosen = *etf::reflect::pick<I>(&member...);
    if (!is_writable(chosen)) return;
    out.add(",\"default\":");
    add_value(out, chosen, true);
  });
}

// ---- rules ----

template <class Out>
constexpr void add_type(Out& out, std::string_view name, bool or_null) {
  out.add(or_null ? "\"type\":[\"" : "\"type\":\"");
  out.add(name);
  out.add(or_null ? "\",\"null\"]" : "\"");
}

template <class M, class... Around, class Out>
constexpr void add_rule(Out& out, bool or_null);

template <class T, std::size_t I, class... Around, class Out>
constexpr void add_property(Out& out) {
  using member = std::tuple_element_t<I, members_of<T>>;
  if (I != 0) out.add(",");
  add_quoted(out, etf::detail::field_of<T, I>);
  out.add(":{");
  add_rule<std::remove_cv_t<member>, T, Around...>(out, false);
  if constexpr (is_computed<T>) {
    if constexpr (is_absentable<T, I>()) add_default<T, I>(out);
  }
  out.add("}");
}
template <class T, std::size_t I, class Out>
constexpr void add_required(Out& out, bool& is_first) {
  if constexpr (is_computed<T>) {
    if (is_absentable<T, I>()) return;
    if (!is_first) out.add(",");
    is_first = false;
    add_quoted(out, etf::detail::field_of<T, I>);
  }
}
template <class T, class... Around, class Out>
constexpr void add_members(Out& out, bool or_null) {
  add_type(out, "object", or_null);
  out.add(",\"additionalProperties\":false,\"required\":[");
  [&out]<std::size_t... I>(std::index_sequence<I...>) {
    bool is_first = true;
    (add_required<T, I>(out, is_first), ...);
    out.add("],\"properties\":{");
    (add_property<T, I, Around...>(out), ...);
    out.add("}");
  }
  (std::make_index_sequence<etf::reflect::member_count<T>>{});
}

template <class M, class Out>
constexpr void add_bounds(Out& out) {
  if constexpr (std::is_unsigned_v<M> || sizeof(M) < 8) {
    out.add(",\"minimum\":");
    add_integer(out, std::numeric_limits<M>::min());
  }
  if constexpr (sizeof(M) < 8) {
    out.add(",\"maximum\":");
    add_integer(out, std::numeric_limits<M>::max());
  }
}
template <class E, class Out>
constexpr void add_names(Out& out, bool or_null) {
  out.add("\"enum\":[");
  bool is_first = true;
  for (const std::string_view name : etf::detail::names_of<E>) {
    if (name.empty()) continue;
    if (!is_first) out.add(",");
    is_first = false;
    add_quoted(out, name);
  }
  out.add(or_null ? ",null]" : "]");
}

/// The rule of a value of args, without the braces around it. `Around` are the structs that it is in: a type
/// may contain itself, and is free there.
template <class M, class... Around, class Out>
constexpr void add_rule(Out& out, bool or_null) {
  using namespace etf::detail;
  if constexpr (is_duration<M>) {
    add_type(out, "integer", or_null);
    out.add(",\"format\":\"duration\"");
  } else if constexpr (std::is_same_v<M, byte_size>) {
    add_type(out, "integer", or_null);
    out.add(",\"format\":\"size\",\"minimum\":0");
  } else if constexpr (std::is_same_v<M, bool>) {
    add_type(out, "boolean", or_null);
  } else if constexpr (whole_number<M>) {
    add_type(out, "integer", or_null);
    add_bounds<M>(out);
  } else if constexpr (std::is_floating_point_v<M>) {
    add_type(out, "number", or_null);
  } else if constexpr (text<M> || blob<M>) {
    add_type(out, "string", or_null);
  } else if constexpr (std::is_same_v<M, etf::charlist>) {
    // A text in the configuration, a list of characters from start_child.
    out.add(or_null ? "\"type\":[\"string\",\"array\",\"null\"]" : "\"type\":[\"string\",\"array\"]");
  } else if constexpr (!customised<M> && std::is_enum_v<M>) {
    add_names<M>(out, or_null);
  } else if constexpr (is_a<M, std::optional>) {
    add_rule<typename M::value_type, Around...>(out, true);
  } else if constexpr (!customised<M> && dictionary<M>) {
    add_type(out, "object", or_null);
    if constexpr (ordered_map<M>) {
      out.add(",\"additionalProperties\":{");
      add_rule<typename M::mapped_type, Around...>(out, false);
      out.add("}");
    }
  } else if constexpr (!customised<M> && sequence<M>) {
    add_type(out, "array", or_null);
    if constexpr (is_std_array<M>) {
      out.add(",\"minItems\":");
      add_integer(out, std::tuple_size_v<M>);
      out.add(",\"maxItems\":");
      add_integer(out, std::tuple_size_v<M>);
    }
    out.add(",\"items\":{");
    add_rule<typename M::value_type, Around...>(out, false);
    out.add("}");
  } else if constexpr (are_members<M>()) {
    if constexpr (!is_one_of<M, Around...>) add_members<M, Around...>(out, or_null);
  }
}

/// The type into which the args of the class T are read. void: it does not read them.
template <class T>
constexpr auto find_args() {
  if constexpr (requires { requires signature<decltype(&T::configure)>::count == 1; })
    return std::type_identity<parameter_of<&T::configure>>();
  else if constexpr (requires { requires signature<decltype(&T::init)>::count == 1; })
    return std::type_identity<parameter_of<&T::init>>();
  else
    return std::type_identity<void>();
}
template <class T>
using args_of = typename decltype(find_args<T>())::type;

/// Whether a schema is made of these args.
template <class Args>
constexpr bool has_made_schema() {
  if constexpr (std::is_class_v<Args>) {
    if constexpr (flaw_of<Args>() == flaw::none) return are_members<Args>();
  }
  return false;
}
template <class Args, class Out>
constexpr Out made_schema(Out out) {
  out.add("{");
  add_rule<Args>(out, false);
  out.add("}");
  return out;
}

} // namespace coppice::detail
