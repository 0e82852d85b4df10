// SPDX-License-Identifier: MIT
// Reads lists and maps into C++ containers. Lists of numbers have a loop of their own. A count is compared
// with the bytes left before anything is reserved. A key that comes twice is refused, and so are many keys in
// one bucket of a hash map (see seeded_map.hpp for a map in which that cannot happen).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/expected.hpp>
#include <coppice/etf/hash.hpp>
#include <coppice/etf/mismatch.hpp>
#include <coppice/etf/shape.hpp>

namespace coppice::etf {

template <class T>
bool read(cursor& in, T& out, mismatch& why);

namespace detail {

/// Reserves room for the sender's count, but not much more than its bytes can fill.
template <class T>
void reserve(T& out, std::size_t claimed) {
  if constexpr (requires { out.reserve(claimed); }) out.reserve(claimed < 4096 ? claimed : 4096);
}

/// Whether four consecutive INTEGER_EXT are here; 20 bytes must be readable.
inline bool are_four_integers(const std::uint8_t* p) {
  constexpr auto t = static_cast<std::uint8_t>(tag::integer);
  return ((p[0] ^ t) | (p[5] ^ t) | (p[10] ^ t) | (p[15] ^ t)) == 0;
}

/// The elements of a list of integers from this position on; the fast path for INTEGER_EXT and
/// SMALL_INTEGER_EXT.
template <whole_number T>
std::size_t read_plain_integers(cursor& in, T* to, std::size_t count) {
  const bytes rest = in.rest();
  const std::uint8_t* p = rest.data();
  const std::uint8_t* const end = p + rest.size();
  const auto value_at = [](const std::uint8_t* at) {
    return static_cast<std::int32_t>(wire::load32(at + 1));
  };
  std::size_t done = 0;
  while (done < count) {
    if constexpr (std::is_signed_v<T> && sizeof(T) >= 4) { // all of them fit
      for (; count - done >= 4 && end - p >= 20 && are_four_integers(p); done += 4, p += 20) {
        for (std::size_t i = 0; i < 4; ++i) to[done + i] = value_at(p + 5 * i);
      }
      if (done == count) break;
    }
    if (end - p >= 5 && p[0] == static_cast<std::uint8_t>(tag::integer)) {
      const std::int32_t value = value_at(p);
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

/// Watches the buckets of a hash map or set whose hash can be predicted: a term that fills one is refused.
template <class T>
class bucket_watch {
 public:
  static constexpr std::size_t most = 64; ///< most keys in a bucket

  explicit bucket_watch(const T& of) : of_(of), buckets_(of.bucket_count()) {}

  /// Call it after each key. A table that has grown is checked once as a whole, which is rare since it
  /// doubles.
  bool good(const typename T::key_type& newest) {
    if (of_.size() <= most) return true;
    if (const std::size_t now = of_.bucket_count(); now != buckets_) {
      buckets_ = now;
      for (std::size_t i = 0; i < now; ++i)
        if (is_crowded(i)) return false;
    }
    return !is_crowded(of_.bucket(newest));
  }

 private:
  bool is_crowded(std::size_t bucket) const {
    std::size_t found = 0;
    for (auto at = of_.begin(bucket); at != of_.end(bucket) && found <= most; ++at) ++found;
    return found > most;
  }

  const T& of_;
  std::size_t buckets_;
};
struct no_watch {
  template <class T>
  explicit no_watch(const T& of) {
    static_cast<void>(of);
  }
  template <class Key>
  static bool good(const Key& newest) {
    static_cast<void>(newest);
    return true;
  }
};
template <class T>
concept has_seeded_hash = requires {
  typename T::hasher::is_seeded;
};
/// Not a multiset, in which a key may come several times.
template <class T>
concept watched = !has_seeded_hash<T> && requires(const T& of, T& changed, typename T::value_type value) {
  of.bucket_count();
  of.begin(std::size_t{});
  changed.insert(value).second;
};
template <class T>
using watch_of = std::conditional_t<watched<T>, bucket_watch<T>, no_watch>;
inline constexpr std::string_view crowded =
    "expected no more than 64 keys with one hash (etf::seeded_map has another hash)";

template <class T>
bool read_elements(cursor& in, T& out, std::uint32_t length, mismatch& why) {
  using element = typename T::value_type;
  std::size_t at = 0;
  if constexpr (std::is_same_v<T, std::vector<element>> &&
                (whole_number<element> || std::is_same_v<element, double>)) {
    // Bulk: the count is within the bytes left, which are two or more for each element.
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
  [[maybe_unused]] watch_of<T> watch(out);
  for (; at < length; ++at) {
    if constexpr (!std::is_same_v<T, std::vector<bool>> && requires { out.emplace_back(); }) {
      if (!read(in, out.emplace_back(), why)) return why.in_element(at);
    } else {
      element each{};
      const cursor start = in;
      if (!read(in, each, why)) return why.in_element(at);
      const auto place = out.insert(out.end(), std::move(each));
      if (!watch.good(*place)) return why.refused(start, errc::too_large, crowded);
    }
  }
  return length == 0 || in.read_nil() ? true : why.wanted(in, "end of a proper list");
}

/// The error gives the number of elements that came.
[[gnu::cold, gnu::noinline]] inline bool wanted_list(const cursor& at, std::size_t size, mismatch& why) {
  const std::string words = concatenated({"list of ", std::to_string(size)});
  cursor ahead = at;
  std::uint32_t length;
  bytes text;
  if (ahead.read_list(length))
    return why.wanted(at, words, concatenated({"list of ", std::to_string(std::size_t{length})}));
  if (ahead.read_string(text))
    return why.wanted(at, words, concatenated({"list of ", std::to_string(text.size())}));
  return why.wanted(at, words);
}

/// The terms of the integers that the bytes of a STRING_EXT stand for. They are static, since an element may
/// borrow its term.
inline constexpr auto byte_terms = [] {
  std::array<std::uint8_t, 512> all{};
  for (std::size_t i = 0; i < 256; ++i) {
    all[2 * i] = static_cast<std::uint8_t>(tag::small_integer);
    all[2 * i + 1] = static_cast<std::uint8_t>(i);
  }
  return all;
}();

template <class Element>
bool read_byte(std::uint8_t byte, std::size_t index, Element& out, mismatch& why) {
  cursor one(bytes(byte_terms).subspan(std::size_t{2} * byte, 2));
  return read(one, out, why) || why.in_element(index);
}

template <sequence T>
bool read_sequence(cursor& in, T& out, mismatch& why) {
  using element = typename T::value_type;
  std::uint32_t length;
  if constexpr (is_std_array<T>) {
    constexpr std::size_t size = std::tuple_size_v<T>;
    cursor ahead = in;
    if (bytes text; ahead.read_string(text) && text.size() == size) {
      in = ahead;
      for (std::size_t i = 0; i < size; ++i) {
        if (!read_byte(text[i], i, out[i], why)) return false;
      }
      return true;
    }
    ahead = in;
    if (!ahead.read_list(length) || length != size) return wanted_list(in, size, why);
    in = ahead;
    for (std::size_t i = 0; i < size; ++i) {
      if (!read(in, out[i], why)) return why.in_element(i);
    }
    return size == 0 || in.read_nil() ? true : why.wanted(in, "end of a proper list");
  } else {
    out.clear();
    if (in.read_list(length)) [[likely]]
      return read_elements(in, out, length, why);
    bytes text;
    const cursor start = in;
    if (!in.read_string(text)) return wanted<T>(in, why);
    if constexpr (whole_number<element>) {
      reserve(out, text.size());
      for (const std::uint8_t each : text) {
        if (!std::in_range<element>(each)) return why.wanted(start, "list of smaller integers");
        out.insert(out.end(), static_cast<element>(each));
      }
    } else {
      for (std::size_t i = 0; i < text.size(); ++i) {
        if constexpr (!std::is_same_v<T, std::vector<bool>> && requires { out.emplace_back(); }) {
          if (!read_byte(text[i], i, out.emplace_back(), why)) return false;
        } else {
          element each{};
          if (!read_byte(text[i], i, each, why)) return false;
          out.insert(out.end(), std::move(each));
        }
      }
    }
    return true;
  }
}

/// Finds a key that comes twice: a table of the positions of the keys' bytes, filled while they are read.
class key_table {
 public:
  explicit key_table(std::size_t pairs) {
    std::size_t size = 16;
    while (size < pairs * 2) size *= 2;
    if (size > near_.size()) {
      far_.resize(size);
      slots_ = far_.data();
    }
    for (std::size_t i = 0; i < size; ++i) slots_[i] = {};
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
    watch_of<T> watch(out);
    for (std::uint32_t i = 0; i < pairs; ++i) {
      const cursor start = in;
      typename T::key_type key{};
      if (!read(in, key, why)) return why.in_field("key");
      const auto [place, fresh] = out.try_emplace(std::move(key));
      if (!fresh) return why.refused(start, errc::duplicate_key, "expected a key only once");
      if (!watch.good(place->first)) return why.refused(start, errc::too_large, crowded);
      if (!read(in, place->second, why)) return why.in_element(i);
    }
  }
  return true;
}

} // namespace detail

} // namespace coppice::etf
