// SPDX-License-Identifier: MIT
// Bytes to C++ values. Every branch is chosen while compiling; nothing is allocated but what the target
// itself owns, and no more is reserved than the bytes at hand can fill. Views in the target borrow from the
// bytes. The bytes may be a stranger's: all reading goes through a bounds-checked cursor. A failure is
// explained on the way out only: `put.value: expected integer, got binary`.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/error.hpp>
#include <coppice/etf/hash.hpp>
#include <coppice/etf/mismatch.hpp>
#include <coppice/etf/shape.hpp>

namespace coppice::etf {

template <class T>
bool read(cursor& in, T& out, mismatch& why);

namespace detail {

/// The words after "expected".
template <class T>
std::string expected() {
  if constexpr (customised<T>)
    return std::string(codec<T>::expected);
  else if constexpr (std::is_same_v<T, bool>)
    return "boolean";
  else if constexpr (whole_number<T>)
    return "integer";
  else if constexpr (std::is_floating_point_v<T>)
    return "float";
  else if constexpr (std::is_same_v<T, etf::atom>)
    return "atom";
  else if constexpr (is_constant<T>)
    return "atom " + std::string(constant_name<T>);
  else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, charlist>)
    return "text";
  else if constexpr (text<T> || blob<T>)
    return "binary";
  else if constexpr (std::is_same_v<T, pid>)
    return "pid";
  else if constexpr (std::is_same_v<T, port>)
    return "port";
  else if constexpr (std::is_same_v<T, reference>)
    return "reference";
  else if constexpr (std::is_same_v<T, any_term>)
    return "term";
  else if constexpr (is_a<T, std::optional> || is_a<T, std::unique_ptr>) {
    if constexpr (is_a<T, std::optional>)
      return expected<typename T::value_type>() + " or undefined";
    else
      return expected<typename T::element_type>() + " or undefined";
  } else if constexpr (is_a<T, std::variant>) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      std::string all;
      ((all += (I == 0 ? "" : " or ") + expected<std::variant_alternative_t<I, T>>()), ...);
      return all;
    }
    (std::make_index_sequence<std::variant_size_v<T>>{});
  } else if constexpr (tuple_like<T>)
    return "tuple of " + std::to_string(std::tuple_size_v<T>);
  else if constexpr (dictionary<T> || is_a<T, flat_map>)
    return "map";
  else if constexpr (aggregate<T>) {
    constexpr form how = shape<T>::how;
    if constexpr (how == form::map || how == form::text_map)
      return "map";
    else if constexpr (how == form::proplist)
      return "list";
    else if constexpr (how == form::tuple)
      return "tuple of " + std::to_string(reflect::member_count<T>);
    else
      return "{" + std::string(tag_of<T>) + ", …} of " + std::to_string(reflect::member_count<T> + 1);
  } else if constexpr (std::is_enum_v<T>) {
    std::string all;
    for (const std::string_view name : names_of<T>) {
      if (!name.empty()) all += (all.empty() ? "" : " or ") + std::string(name);
    }
    return all;
  } else {
    return "list";
  }
}

template <class T>
[[gnu::cold, gnu::noinline]] bool wanted(const cursor& at, mismatch& why) {
  return why.wanted(at, expected<T>());
}

template <whole_number T>
bool read_number(cursor& in, T& out, mismatch& why) {
  if constexpr (std::is_unsigned_v<T>) {
    std::uint64_t wide;
    if (in.read_unsigned(wide) && std::in_range<T>(wide)) [[likely]]
      return out = static_cast<T>(wide), true;
  } else {
    std::int64_t wide;
    cursor ahead = in;
    if (ahead.read_integer(wide) && std::in_range<T>(wide)) [[likely]]
      return out = static_cast<T>(wide), in = ahead, true;
  }
  if (in.peek() != kind::integer) return wanted<T>(in, why);
  return why.wanted(in, "integer from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                            std::to_string(std::numeric_limits<T>::max()));
}

/// Room for what the sender claims, but never much more than its bytes could fill.
template <class T>
void reserve(T& out, std::size_t claimed) {
  if constexpr (requires { out.reserve(claimed); }) out.reserve(claimed < 4096 ? claimed : 4096);
}

/// The elements of a list of integers from where they stand; the fast path for INTEGER_EXT and
/// SMALL_INTEGER_EXT.
template <whole_number T>
std::size_t read_plain_integers(cursor& in, T* to, std::size_t count) {
  const bytes rest = in.rest();
  const std::uint8_t* p = rest.data();
  const std::uint8_t* const end = p + rest.size();
  std::size_t done = 0;
  while (done < count) {
    if (end - p >= 5 && p[0] == static_cast<std::uint8_t>(tag::integer)) {
      const auto value = static_cast<std::int32_t>(wire::load32(p + 1));
      if (!std::in_range<T>(value)) break;
      to[done++] = static_cast<T>(value);
      p += 5;
    } else if (end - p >= 2 && p[0] == static_cast<std::uint8_t>(tag::small_integer)) {
      if (!std::in_range<T>(p[1])) break;
      to[done++] = static_cast<T>(p[1]);
      p += 2;
    } else {
      break;
    }
  }
  in.advance(static_cast<std::size_t>(p - rest.data()));
  return done;
}

inline std::size_t read_plain_floats(cursor& in, double* to, std::size_t count) {
  const bytes rest = in.rest();
  const std::uint8_t* p = rest.data();
  std::size_t done = 0;
  if (count > rest.size() / 9) count = rest.size() / 9;
  for (; done < count; ++done, p += 9) {
    const std::uint64_t bits = wire::load64(p + 1);
    if (p[0] != static_cast<std::uint8_t>(tag::new_float) || (bits >> 52 & 0x7FF) == 0x7FF) break;
    to[done] = std::bit_cast<double>(bits);
  }
  in.advance(static_cast<std::size_t>(p - rest.data()));
  return done;
}

template <class T>
bool read_elements(cursor& in, T& out, std::uint32_t length, mismatch& why) {
  using element = typename T::value_type;
  std::size_t at = 0;
  if constexpr (std::is_same_v<T, std::vector<element>> &&
                (whole_number<element> || std::is_same_v<element, double>)) {
    // Bulk: the claim is within the bytes left, two or more of them for each element.
    if (length <= in.rest().size() / 2) {
      out.resize(length);
      if constexpr (whole_number<element>)
        at = read_plain_integers(in, out.data(), length);
      else
        at = read_plain_floats(in, out.data(), length);
      out.resize(at);
    }
  }
  reserve(out, length);
  for (; at < length; ++at) {
    if constexpr (requires { out.emplace_back(); }) {
      if (!read(in, out.emplace_back(), why)) return why.in_element(at);
    } else {
      element each{};
      if (!read(in, each, why)) return why.in_element(at);
      out.insert(out.end(), std::move(each));
    }
  }
  return length == 0 || in.read_nil() ? true : why.wanted(in, "end of a proper list");
}

template <sequence T>
bool read_sequence(cursor& in, T& out, mismatch& why) {
  using element = typename T::value_type;
  std::uint32_t length;
  if constexpr (is_std_array<T>) {
    bytes text;
    constexpr std::size_t size = std::tuple_size_v<T>;
    if constexpr (whole_number<element>) {
      if (cursor ahead = in; ahead.read_string(text) && text.size() == size) {
        for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<element>(text[i]);
        return in = ahead, true;
      }
    }
    cursor ahead = in;
    if (!ahead.read_list(length) || length != size) return why.wanted(in, "list of " + std::to_string(size));
    in = ahead;
    for (std::size_t i = 0; i < size; ++i) {
      if (!read(in, out[i], why)) return why.in_element(i);
    }
    return size == 0 || in.read_nil() ? true : why.wanted(in, "end of a proper list");
  } else {
    out.clear();
    if (in.read_list(length)) [[likely]]
      return read_elements(in, out, length, why);
    if constexpr (whole_number<element>) {
      bytes text;
      const cursor start = in;
      if (!in.read_string(text)) return wanted<T>(in, why);
      reserve(out, text.size());
      for (const std::uint8_t each : text) {
        if (!std::in_range<element>(each)) return why.wanted(start, "list of smaller integers");
        out.insert(out.end(), static_cast<element>(each));
      }
      return true;
    } else {
      return wanted<T>(in, why);
    }
  }
}

/// Finds a key that comes twice: a table of where the keys' bytes stand, filled as they are read.
class key_table {
 public:
  explicit key_table(std::size_t pairs) {
    std::size_t size = 16;
    while (size < pairs * 2) size *= 2;
    if (size > near_.size()) {
      far_.resize(size);
      slots_ = far_.data();
    }
    std::fill_n(slots_, size, bytes{});
    mask_ = size - 1;
  }
  key_table(const key_table&) = delete;
  key_table& operator=(const key_table&) = delete;
  bool add(bytes key) {
    for (std::size_t at = table_hash(key) & mask_;; at = (at + 1) & mask_) {
      if (slots_[at].data() == nullptr) return slots_[at] = key, true;
      if (slots_[at].size() == key.size() && std::memcmp(slots_[at].data(), key.data(), key.size()) == 0)
        return false;
    }
  }

 private:
  std::array<bytes, 64> near_;
  std::vector<bytes> far_;
  bytes* slots_ = near_.data();
  std::size_t mask_;
};

template <class T>
bool read_map(cursor& in, T& out, mismatch& why) {
  std::uint32_t pairs;
  if (!in.read_map(pairs)) return wanted<T>(in, why);
  if (pairs > in.rest().size() / 2) return why.refused(in, errc::truncated, "expected the pairs of a map");
  if constexpr (is_a<T, flat_map>) {
    out.pairs.clear();
    reserve(out.pairs, pairs);
    key_table seen(pairs);
    for (std::uint32_t i = 0; i < pairs; ++i) {
      const cursor start = in;
      auto& [key, value] = out.pairs.emplace_back();
      if (!read(in, key, why)) return why.in_field("key");
      if (!seen.add(start.rest().first(in.offset() - start.offset())))
        return why.refused(start, errc::duplicate_key, "expected a key only once");
      if (!read(in, value, why)) return why.in_element(i);
    }
  } else {
    out.clear();
    if constexpr (requires { out.bucket_count(); }) reserve(out, pairs);
    for (std::uint32_t i = 0; i < pairs; ++i) {
      const cursor start = in;
      typename T::key_type key{};
      if (!read(in, key, why)) return why.in_field("key");
      const auto [place, fresh] = out.try_emplace(std::move(key));
      if (!fresh) return why.refused(start, errc::duplicate_key, "expected a key only once");
      if (!read(in, place->second, why)) return why.in_element(i);
    }
  }
  return true;
}

template <class T>
bool read_variant(cursor& in, T& out, mismatch& why);

/// Reads member I if `name` is its name. 0: no such member; 1: read; -1: failed.
template <class T, class Read>
int with_named(T& out, std::string_view name, Read&& reader) {
  int outcome = 0;
  reflect::with_members(out, [&](auto&... member) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      static_cast<void>(((name == field_of<T, I> && (outcome = reader(I, member), true)) || ...));
    }
    (std::make_index_sequence<sizeof...(member)>{});
  });
  return outcome;
}

/// Members not met: optional ones become empty, others are a mismatch.
template <class T>
bool complete(const cursor& start, T& out, std::uint32_t seen, mismatch& why) {
  return reflect::with_members(out, [&](auto&... member) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto one = [&]<std::size_t At>(auto& each, std::integral_constant<std::size_t, At>) {
        if ((seen >> At & 1) != 0) return true;
        using type = std::remove_cvref_t<decltype(each)>;
        if constexpr (is_a<type, std::optional>)
          return each.reset(), true;
        else
          return why.wanted(start, expected<type>(), "nothing"), why.in_field(field_of<T, At>);
      };
      return (one(member, std::integral_constant<std::size_t, I>{}) && ...);
    }
    (std::make_index_sequence<sizeof...(member)>{});
  });
}

/// One member by name, with the bookkeeping a map and a proplist share.
template <class T>
bool read_named(cursor& in, const cursor& key_at, std::string_view name, T& out, std::uint32_t& seen,
                bool first_wins, mismatch& why) {
  const int outcome = with_named(out, name, [&](std::size_t index, auto& member) {
    const std::uint32_t bit = std::uint32_t{1} << index;
    if ((seen & bit) != 0) {
      if (first_wins) return in.skip() ? 1 : (wanted<any_term>(in, why), -1);
      return why.refused(key_at, errc::duplicate_key, "expected a key only once"), -1;
    }
    seen |= bit;
    return read(in, member, why) ? 1 : -1;
  });
  if (outcome < 0) return why.in_field(name);
  if (outcome == 0 && !in.skip()) return wanted<any_term>(in, why);
  return true;
}

template <class T>
bool read_map_members(cursor& in, T& out, mismatch& why) {
  const cursor start = in;
  std::uint32_t pairs, seen = 0;
  if (!in.read_map(pairs)) return wanted<T>(in, why);
  for (; pairs != 0; --pairs) {
    const cursor key_at = in;
    std::string_view name;
    bytes text;
    bool named;
    if constexpr (shape<T>::how == form::text_map) {
      named = in.read_binary(text);
      if (named) name = {reinterpret_cast<const char*>(text.data()), text.size()};
    } else {
      named = in.read_atom(name);
    }
    if (!named && !in.skip()) return wanted<any_term>(in, why);
    if (!named && !in.skip()) return wanted<any_term>(in, why);
    if (named && !read_named(in, key_at, name, out, seen, false, why)) return false;
  }
  return complete(start, out, seen, why);
}

template <class T>
bool read_proplist(cursor& in, T& out, mismatch& why) {
  const cursor start = in;
  std::uint32_t length, seen = 0;
  if (!in.read_list(length)) return wanted<T>(in, why);
  const bool ends = length != 0;
  for (; length != 0; --length) {
    cursor ahead = in;
    std::string_view name;
    if (ahead.read_tuple_of(2) && ahead.read_atom(name)) {
      if (!read_named(ahead, in, name, out, seen, true, why)) return false;
    } else if (ahead = in; ahead.read_atom(name)) {
      cursor yes{bytes(true_literal.data)};
      if (!read_named(yes, in, name, out, seen, true, why)) return false;
    } else if (ahead = in; !ahead.skip()) {
      return wanted<any_term>(in, why);
    }
    in = ahead;
  }
  if (ends && !in.read_nil()) return why.wanted(in, "end of a proper list");
  return complete(start, out, seen, why);
}

template <class T>
bool read_members(cursor& in, T& out, mismatch& why) {
  return reflect::with_members(out, [&](auto&... member) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return ((read(in, member, why) || why.in_field(field_of<T, I>)) && ...);
    }
    (std::make_index_sequence<sizeof...(member)>{});
  });
}

template <class T>
bool read_record_head(cursor& in) {
  const bytes rest = in.rest();
  constexpr std::size_t size = record_head<T>.data.size();
  if (rest.size() >= size && std::memcmp(rest.data(), record_head<T>.data.data(), size) == 0) [[likely]] {
    return in.advance(size), true;
  }
  cursor ahead = in;
  if (!ahead.read_tuple_of(reflect::member_count<T> + 1) || !ahead.read_atom_is(tag_of<T>)) return false;
  return in = ahead, true;
}

template <class T>
[[gnu::cold, gnu::noinline]] bool wanted_record(const cursor& at, mismatch& why) {
  cursor ahead = at;
  std::uint32_t arity;
  std::string_view name;
  if (!ahead.read_tuple(arity)) return wanted<T>(at, why);
  std::string got = "tuple of " + std::to_string(arity);
  if (arity != 0 && ahead.read_atom(name)) got = "{" + std::string(name) + ", …} of " + std::to_string(arity);
  return why.wanted(at, expected<T>(), got);
}

template <class T>
bool read_aggregate(cursor& in, T& out, mismatch& why) {
  constexpr form how = shape<T>::how;
  if constexpr (how == form::record) {
    if (!read_record_head<T>(in)) return wanted_record<T>(in, why);
    return read_members(in, out, why);
  } else if constexpr (how == form::tuple) {
    if (!in.read_tuple_of(reflect::member_count<T>)) return wanted_record<T>(in, why);
    return read_members(in, out, why);
  } else if constexpr (how == form::proplist) {
    return read_proplist(in, out, why);
  } else {
    return read_map_members(in, out, why);
  }
}

template <class E>
bool read_enum(cursor& in, E& out, mismatch& why) {
  std::string_view name;
  if (cursor ahead = in; ahead.read_atom(name)) {
    for (std::size_t i = 0; i < names_of<E>.size(); ++i) {
      if (!name.empty() && names_of<E>[i] == name) return out = static_cast<E>(i), in = ahead, true;
    }
  }
  return wanted<E>(in, why);
}

template <class T>
bool read_nested(cursor& in, T& out, mismatch& why) {
  if constexpr (is_a<T, std::variant>)
    return read_variant(in, out, why);
  else if constexpr (dictionary<T> || is_a<T, flat_map>)
    return read_map(in, out, why);
  else if constexpr (sequence<T>)
    return read_sequence(in, out, why);
  else
    return read_aggregate(in, out, why);
}

/// Whether T could stand here by its head: then its complaint is the one worth reporting.
template <class T>
bool looks_like(const cursor& in) {
  cursor ahead = in;
  if constexpr (aggregate<T>) {
    if constexpr (shape<T>::how == form::record)
      return read_record_head<T>(ahead);
    else if constexpr (shape<T>::how == form::tuple)
      return ahead.read_tuple_of(reflect::member_count<T>);
    else
      return ahead.peek() == (shape<T>::how == form::proplist ? kind::list : kind::map);
  } else if constexpr (sequence<T>) {
    return ahead.peek() == kind::list || ahead.peek() == kind::nil;
  } else if constexpr (dictionary<T> || is_a<T, flat_map>) {
    return ahead.peek() == kind::map;
  } else if constexpr (tuple_like<T>) {
    return ahead.read_tuple_of(std::tuple_size_v<T>);
  } else if constexpr (whole_number<T>) {
    return ahead.peek() == kind::integer;
  } else {
    return false;
  }
}

template <class T>
bool read_variant(cursor& in, T& out, mismatch& why) {
  const cursor start = in;
  mismatch telling;
  bool chosen = false;
  const auto attempt = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    using type = std::variant_alternative_t<I, T>;
    if constexpr (aggregate<type>) {
      if constexpr (shape<type>::how == form::record) {
        if (!looks_like<type>(start)) return false; // cheap, and right: the tag decides
      }
    }
    in = start;
    if (read(in, out.template emplace<I>(), why)) return chosen = true;
    if (looks_like<type>(start) && !telling) {
      if constexpr (aggregate<type>) why.in_field(shape<type>::tag);
      telling.adopt(std::move(why));
    }
    why.forget();
    return false;
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    static_cast<void>((attempt(std::integral_constant<std::size_t, I>{}) || ...));
  }
  (std::make_index_sequence<std::variant_size_v<T>>{});
  if (chosen) return true;
  in = start;
  if (!telling) return wanted<T>(start, why);
  why.adopt(std::move(telling));
  return false;
}

} // namespace detail

/// Reads one term of T's shape. False leaves `in` anywhere and the reason in `why`.
template <class T>
bool read(cursor& in, T& out, mismatch& why) {
  using namespace detail;
  if constexpr (customised<T>) {
    return codec<T>::decode(in, out, why);
  } else if constexpr (std::is_same_v<T, bool>) {
    return in.read_bool(out) || wanted<T>(in, why);
  } else if constexpr (whole_number<T>) {
    return read_number(in, out, why);
  } else if constexpr (std::is_floating_point_v<T>) {
    double wide;
    if (in.read_float(wide)) [[likely]]
      return out = static_cast<T>(wide), true;
    std::int64_t whole; // 1 for 1.0 is what people write
    return in.read_integer(whole) ? (out = static_cast<T>(whole), true) : wanted<T>(in, why);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return in.read_text(out) || wanted<T>(in, why);
  } else if constexpr (std::is_same_v<T, charlist>) {
    return in.read_text(out.text) || wanted<T>(in, why);
  } else if constexpr (text<T> || blob<T>) {
    bytes data;
    if (!in.read_binary(data) && !(text<T> && in.read_string(data))) return wanted<T>(in, why);
    if constexpr (text<T>)
      out = {reinterpret_cast<const char*>(data.data()), data.size()};
    else
      out = T(data.begin(), data.end());
    return true;
  } else if constexpr (std::is_same_v<T, etf::atom>) {
    return in.read_atom(out.name) || wanted<T>(in, why);
  } else if constexpr (is_constant<T>) {
    return in.read_atom_is(constant_name<T>) || wanted<T>(in, why);
  } else if constexpr (std::is_enum_v<T>) {
    return read_enum(in, out, why);
  } else if constexpr (std::is_same_v<T, pid>) {
    return in.read_pid(out) || wanted<T>(in, why);
  } else if constexpr (std::is_same_v<T, port>) {
    return in.read_port(out) || wanted<T>(in, why);
  } else if constexpr (std::is_same_v<T, reference>) {
    return in.read_reference(out) || wanted<T>(in, why);
  } else if constexpr (std::is_same_v<T, any_term>) {
    return in.read_term(out.encoded) || wanted<T>(in, why);
  } else if constexpr (is_a<T, std::optional>) {
    if (in.read_atom_is(undefined_name)) return out.reset(), true;
    return read(in, out.emplace(), why);
  } else if constexpr (is_a<T, std::unique_ptr>) {
    if (in.read_atom_is(undefined_name)) return out.reset(), true;
    out = std::make_unique<typename T::element_type>();
    return read(in, *out, why);
  } else if constexpr (tuple_like<T>) {
    if (!in.read_tuple_of(std::tuple_size_v<T>)) return wanted<T>(in, why);
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return ((read(in, std::get<I>(out), why) || why.in_element(I)) && ...);
    }
    (std::make_index_sequence<std::tuple_size_v<T>>{});
  } else {
    static_assert(is_a<T, std::variant> || dictionary<T> || is_a<T, flat_map> || sequence<T> || aggregate<T>,
                  "no spelling as a term is known for this type: give it a codec<>");
    if (!why.enter(in)) return false;
    const bool good = read_nested(in, out, why);
    why.leave();
    return good;
  }
}

/// What errors call the whole of T: a record's tag, an aggregate's name, else nothing.
template <class T>
constexpr std::string_view root_name() {
  if constexpr (detail::aggregate<T>)
    return shape<T>::tag;
  else
    return {};
}

/// The one term that `in` (no 131) is, into an object of the caller's: its memory is used again.
template <class T>
result<void> decode_into(bytes in, T& out) {
  cursor at(in);
  mismatch why;
  if (!read(at, out, why)) [[unlikely]]
    return tl::unexpected<error>(why.take(root_name<T>()));
  if (!at.at_end()) [[unlikely]]
    return fail(errc::trailing, at.offset(), at.peek_tag(), "the end expected");
  return {};
}

template <class T>
result<T> decode(bytes in) {
  result<T> out{tl::in_place};
  cursor at(in);
  mismatch why;
  if (!read(at, *out, why)) [[unlikely]]
    return tl::unexpected<error>(why.take(root_name<T>()));
  if (!at.at_end()) [[unlikely]]
    return fail(errc::trailing, at.offset(), at.peek_tag(), "the end expected");
  return out;
}

} // namespace coppice::etf
