// SPDX-License-Identifier: MIT
// erlang:phash2 on encoded bytes, without decoding and without recursion. The value depends on the order of
// the terms, which is the order of the bytes. A map's pairs are each hashed from zero and combined by xor, so
// that their order does not matter; frames record where each pair ends. The mixing is Bob Jenkins' 96-bit mix
// (lookup2), the constants are multiples of the golden ratio.
#pragma once

#include <bit>
#include <cstring>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/wire.hpp>
#include <coppice/etf/writer.hpp>

namespace coppice::etf::order::hashing {

constexpr std::uint32_t golden(std::uint32_t times) {
  return 0x9E3779B9U * times;
}

inline void mix(std::uint32_t& a, std::uint32_t& b, std::uint32_t& c) {
  a -= b, a -= c, a ^= c >> 13;
  b -= c, b -= a, b ^= a << 8;
  c -= a, c -= b, c ^= b >> 13;
  a -= b, a -= c, a ^= c >> 12;
  b -= c, b -= a, b ^= a << 16;
  c -= a, c -= b, c ^= b >> 5;
  a -= b, a -= c, a ^= c >> 3;
  b -= c, b -= a, b ^= a << 10;
  c -= a, c -= b, c ^= b >> 15;
}

inline std::uint32_t mix_two(std::uint32_t hash, std::uint32_t first, std::uint32_t second,
                             std::uint32_t constant) {
  std::uint32_t a = constant + first, b = constant + second;
  mix(a, b, hash);
  return hash;
}
inline std::uint32_t mix_one(std::uint32_t hash, std::uint32_t value, std::uint32_t constant) {
  return mix_two(hash, value, 0, constant);
}

inline std::uint32_t little32(const std::uint8_t* at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value |= std::uint32_t{at[i]} << (8 * i);
  return value;
}

inline std::uint32_t hash_block(bytes data, std::uint32_t start) {
  std::uint32_t a = golden(1), b = golden(1), c = start;
  const std::uint8_t* at = data.data();
  std::size_t left = data.size();
  for (; left >= 12; left -= 12, at += 12) {
    a += little32(at, 4);
    b += little32(at + 4, 4);
    c += little32(at + 8, 4);
    mix(a, b, c);
  }
  c += static_cast<std::uint32_t>(data.size());
  if (left > 8) c += little32(at + 8, left - 8) << 8; // the lowest byte holds the length
  if (left > 4) b += little32(at + 4, left > 8 ? 4 : left - 4);
  if (left > 0) a += little32(at, left > 4 ? 4 : left);
  mix(a, b, c);
  return c;
}

/// OTP's hash of an atom's text, PJW's; a Latin-1 character counts as its one Latin-1 byte.
inline std::uint32_t hash_atom(std::string_view name) {
  std::uint32_t hash = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    std::uint32_t byte = static_cast<std::uint8_t>(name[i]);
    if ((byte & 0xFE) == 0xC2 && i + 1 < name.size() &&
        (static_cast<std::uint8_t>(name[i + 1]) & 0xC0) == 0x80) {
      byte = ((byte << 6) | (static_cast<std::uint8_t>(name[++i]) & 0x3FU)) & 0xFF;
    }
    hash = (hash << 4) + byte;
    if (const std::uint32_t top = hash & 0xF0000000U; top != 0) hash = (hash ^ top >> 24) ^ top;
  }
  return hash;
}

/// An open container.
struct frame {
  enum class type : std::uint8_t { row, list, map_key, map_value, map_paired } what;
  std::uint64_t left;          ///< terms of a tuple or fun; elements of a list; pairs of a map
  std::uint32_t outer = 0;     ///< of a map: the hash before its pairs
  std::uint32_t pairs_xor = 0; ///< of a map: xor of the pairs so far
};

class hasher {
 public:
  explicit hasher(bytes term) : in_(term) {}

  std::uint32_t run() {
    if (!one()) return 0;
    while (!frames_.empty()) {
      if (!next()) return 0;
    }
    return hash_;
  }

 private:
  /// Continues with the innermost container.
  bool next() {
    frame& top = frames_.back();
    switch (top.what) {
      case frame::type::row:
        if (top.left == 0) return frames_.pop_back(), true;
        --top.left;
        return one();
      case frame::type::list:
        return cell();
      case frame::type::map_key:
        if (top.left == 0) return close_map(), true;
        hash_ = 0;
        top.what = frame::type::map_value;
        return one();
      case frame::type::map_value:
        top.what = frame::type::map_paired;
        return one();
      case frame::type::map_paired:
        top.pairs_xor ^= hash_;
        --top.left;
        top.what = frame::type::map_key;
        return true;
    }
    return false;
  }

  void close_map() {
    const frame done = frames_.back();
    frames_.pop_back();
    hash_ = mix_one(done.outer, done.pairs_xor, golden(19));
  }

  /// Continues a list: bytes are taken four at a time, other elements one by one.
  bool cell() {
    frame& top = frames_.back();
    std::uint32_t run = 0;
    int count = 0;
    const auto take = [&](std::uint32_t byte) {
      run = run << 8 | byte;
      if (++count == 4) {
        hash_ = mix_one(hash_, run, golden(4));
        run = 0;
        count = 0;
      }
    };
    for (;;) {
      std::int64_t value;
      cursor ahead = in_;
      bytes text;
      std::uint32_t length;
      if (top.left != 0) {
        if (!ahead.read_integer(value) || value < 0 || value > 255) break;
        take(static_cast<std::uint32_t>(value));
        in_ = ahead;
        --top.left;
      } else if (in_.read_string(text)) { // as a tail: the same list continues
        for (const std::uint8_t byte : text) take(byte);
        ended_ = true;
        break;
      } else if (in_.peek() == kind::list && in_.read_list(length) && length != 0) {
        top.left = length;
      } else {
        break;
      }
    }
    if (count > 0) hash_ = mix_one(hash_, run, golden(4));
    if (ended_) {
      ended_ = false;
      frames_.pop_back();
      return nil(), true;
    }
    if (top.left == 0)
      frames_.pop_back(); // the tail
    else
      --top.left;
    return one();
  }

  void nil() { hash_ = hash_ == 0 ? 3468870702U : mix_one(hash_, 2, golden(2)); }

  bool one() {
    in_.skip_empty_heads();
    switch (in_.peek()) {
      case kind::integer:
        return integer();
      case kind::floating:
        return floating();
      case kind::atom:
        return atom();
      case kind::reference:
        return reference();
      case kind::port:
        return port();
      case kind::pid:
        return pid();
      case kind::fun:
        return fun();
      case kind::binary:
      case kind::bitstring:
        return bitstring();
      case kind::nil:
        return in_.read_nil() && (nil(), true);
      case kind::list:
        return list();
      case kind::tuple: {
        std::uint32_t arity;
        if (!in_.read_tuple(arity)) return false;
        hash_ = mix_one(hash_, arity, golden(9));
        if (arity != 0) frames_.push_back({frame::type::row, arity, 0, 0});
        return true;
      }
      case kind::map: {
        std::uint32_t pairs;
        if (!in_.read_map(pairs)) return false;
        hash_ = mix_one(hash_, pairs, golden(16));
        if (pairs != 0) frames_.push_back({frame::type::map_key, pairs, hash_, 0});
        return true;
      }
      case kind::none:
        return false;
    }
    return false;
  }

  /// Opens a list; its cells are taken one by one from the loop.
  bool list() {
    bytes text;
    std::uint32_t length = 0;
    const bool is_string = cursor(in_).read_string(text);
    if (!is_string && !in_.read_list(length)) return false;
    if (!is_string && length == 0) return nil(), true;
    frames_.push_back({frame::type::list, length, 0, 0});
    return true;
  }

  bool integer() {
    std::int64_t value;
    std::uint8_t room[8];
    bytes magnitude;
    bool negative = false;
    if (in_.read_integer(value)) {
      if (value >= -(std::int64_t{1} << 27) && value < std::int64_t{1} << 27) {
        if (value < 0) hash_ = mix_one(hash_, static_cast<std::uint32_t>(-value), golden(1));
        hash_ = mix_one(hash_, static_cast<std::uint32_t>(value), golden(1));
        return true;
      }
      negative = value < 0;
      wire::store64_little(
          room, negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
      magnitude = room;
    } else if (!in_.read_big(negative, magnitude)) {
      return false;
    }
    std::size_t size = magnitude.size();
    while (size != 0 && magnitude[size - 1] == 0) --size;
    for (std::size_t at = 0; at < size; at += 8) {
      const std::size_t low = size - at < 4 ? size - at : 4;
      const std::size_t high = size - at < 8 ? size - at - low : 4;
      hash_ = mix_two(hash_, little32(magnitude.data() + at, low),
                      high == 0 ? 0 : little32(magnitude.data() + at + 4, high), golden(negative ? 10 : 11));
    }
    return true;
  }

  bool floating() {
    double value;
    if (!in_.read_float(value)) return false;
    if (value == 0) value = 0; // also for -0.0
    const auto bits = std::bit_cast<std::uint64_t>(value);
    hash_ =
        mix_two(hash_, static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits), golden(12));
    return true;
  }

  bool atom() {
    std::string_view name;
    if (!in_.read_atom(name)) return false;
    const std::uint32_t own = hash_atom(name);
    hash_ = hash_ == 0 ? own : mix_one(hash_, own, golden(3));
    return true;
  }

  bool pid() {
    etf::pid value;
    if (!in_.read_pid(value)) return false;
    hash_ = mix_one(hash_, value.id, golden(5));
    return true;
  }
  bool port() {
    etf::port value;
    if (!in_.read_port(value)) return false;
    hash_ = mix_two(hash_, static_cast<std::uint32_t>(value.id), static_cast<std::uint32_t>(value.id >> 32),
                    golden(6));
    return true;
  }
  bool reference() {
    etf::reference value;
    if (!in_.read_reference(value)) return false;
    hash_ = mix_one(hash_, value.words[0], golden(7));
    return true;
  }

  bool bitstring() {
    bytes data;
    unsigned bits;
    if (!in_.read_bitstring(data, bits)) return false;
    const std::uint32_t start = golden(13) + hash_;
    if (data.empty()) return hash_ = start, true;
    if (bits == 8) return hash_ = hash_block(data, start), true;
    hash_ = hash_block(data.first(data.size() - 1), start);
    hash_ = mix_two(hash_, bits, static_cast<std::uint32_t>(data.back() >> (8 - bits)), golden(15));
    return true;
  }

  bool fun() {
    std::string_view module, function;
    std::uint8_t arity;
    if (in_.read_exported_fun(module, function, arity)) {
      hash_ = mix_two(hash_, arity, hash_atom(module), golden(1));
      hash_ = mix_one(hash_, hash_atom(function), golden(14));
      return true;
    }
    bytes whole;
    if (!in_.read_term(whole) || whole.size() < 30) return false;
    const std::uint32_t index = wire::load32(whole.data() + 22);
    const std::uint32_t free_variables = wire::load32(whole.data() + 26);
    cursor inside(whole.subspan(30));
    std::int64_t old_index, old_uniq;
    etf::pid creator;
    if (!inside.read_atom(module) || !inside.read_integer(old_index) || !inside.read_integer(old_uniq))
      return false;
    if (!inside.read_pid(creator)) return false;
    hash_ = mix_two(hash_, free_variables, hash_atom(module), golden(1));
    hash_ = mix_two(hash_, index, static_cast<std::uint32_t>(old_uniq), golden(1));
    in_ = cursor(bytes(inside.rest().data(), in_.rest().data() + in_.rest().size()));
    if (free_variables != 0) frames_.push_back({frame::type::row, free_variables, 0, 0});
    return true;
  }

  cursor in_;
  std::uint32_t hash_ = 0;
  bool ended_ = false;
  std::vector<frame> frames_;
};

} // namespace coppice::etf::order::hashing

namespace coppice::etf::order {

/// The bits that phash2 without a range keeps.
inline constexpr std::uint32_t phash2_mask = (1U << 27) - 1;
/// The hash before phash2 reduces it to a range.
inline std::uint32_t hash_term(bytes term) {
  return hashing::hasher(term).run();
}

} // namespace coppice::etf::order
