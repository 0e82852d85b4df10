// SPDX-License-Identifier: MIT
// A position in encoded terms, without the leading 131. It never reads outside its bytes, valid or not, and
// allocates only in objects of the caller. Every read_… either consumes the term that it names and returns
// true, or returns false and does not move, so a reader may try several shapes in turn. Borrowed results
// point into the bytes. Copies are independent; one thread at a time.
#pragma once

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <coppice/etf/types.hpp>
#include <coppice/etf/utf8.hpp>
#include <coppice/etf/wire.hpp>

namespace coppice::etf {

class cursor {
 public:
  cursor() = default;
  explicit cursor(bytes data) : begin_(data.data()), pos_(begin_), end_(begin_ + data.size()) {}

  /// The kind of the term here. `none`: the end, or a tag that is no term.
  kind peek() const {
    if (pos_ == end_) return kind::none;
    if (*pos_ == code(tag::bit_binary) && left() > 5 && pos_[5] == 8) return kind::binary;
    return kind_of(*pos_);
  }
  /// The tag byte here. 0: the end.
  std::uint8_t peek_tag() const { return pos_ == end_ ? std::uint8_t{0} : *pos_; }
  bool at_end() const { return pos_ == end_; }
  std::size_t offset() const { return static_cast<std::size_t>(pos_ - begin_); }
  bytes rest() const { return {pos_, end_}; }
  /// Skips bytes of rest() that the caller has read itself.
  void advance(std::size_t count) { pos_ += count; }

  /// The head of a tuple: `arity` terms follow.
  bool read_tuple(std::uint32_t& arity) {
    if (has(2) && *pos_ == code(tag::small_tuple)) [[likely]] {
      arity = pos_[1];
      pos_ += 2;
      return true;
    }
    return head32(tag::large_tuple, arity);
  }
  bool read_tuple_of(std::uint32_t arity) {
    if (has(2) && *pos_ == code(tag::small_tuple) && pos_[1] == arity) [[likely]]
      return pos_ += 2, true;
    std::uint32_t found = 0;
    cursor ahead = *this;
    return ahead.head32(tag::large_tuple, found) && found == arity ? (*this = ahead, true) : false;
  }

  /// The head of a list: `length` elements follow, then its tail. [] is consumed completely: length 0, no
  /// tail. Does not match STRING_EXT: use read_string.
  bool read_list(std::uint32_t& length) {
    cursor ahead = *this;
    while (ahead.head32(tag::list, length)) {
      if (length != 0) [[likely]]
        return pos_ = ahead.pos_, true;
      // OTP reads a head of 0 as its tail alone, although nothing writes one.
    }
    if (!ahead.read_nil()) return false;
    length = 0;
    pos_ = ahead.pos_;
    return true;
  }
  /// Skips list heads of 0 elements; the term after them is the value.
  void skip_empty_heads() {
    while (has(5) && *pos_ == code(tag::list) && wire::load32(pos_ + 1) == 0) pos_ += 5;
  }
  bool read_nil() {
    if (peek_tag() != code(tag::nil)) return false;
    return ++pos_, true;
  }
  /// The head of a map: `pairs` keys follow, each with its value.
  bool read_map(std::uint32_t& pairs) { return head32(tag::map, pairs); }

  /// UTF-8. Reads an atom in a latin1 tag only if it is ASCII; canonicalise() converts others.
  bool read_atom(std::string_view& name) {
    if (!has(2)) return false;
    std::size_t head = 2, size = pos_[1];
    const std::uint8_t t = *pos_;
    if (t != code(tag::small_atom_utf8)) [[unlikely]] {
      const bool is_long = t == code(tag::atom_utf8) || t == code(tag::atom_latin1);
      if (!is_long && t != code(tag::small_atom_latin1)) return false;
      if (is_long) {
        if (!has(3)) return false;
        head = 3;
        size = wire::load16(pos_ + 1);
      }
      if (!has(head + size)) return false;
      if ((t == code(tag::atom_latin1) || t == code(tag::small_atom_latin1)) &&
          !utf8::is_ascii(pos_ + head, size))
        return false;
    }
    if (!has(head + size)) return false;
    name = {reinterpret_cast<const char*>(pos_ + head), size};
    pos_ += head + size;
    return true;
  }
  /// Inlined for the most frequent read: an atom in today's encoding, compared with a name that is known at
  /// compile time.
  [[gnu::always_inline]] bool read_atom_is(std::string_view name) {
    if (!has(2)) return false;
    if (*pos_ != code(tag::small_atom_utf8)) return kind_of(*pos_) == kind::atom && read_spelled_atom(name);
    if (pos_[1] != name.size() || !has(name.size() + 2) || !same(pos_ + 2, name)) return false;
    pos_ += 2 + name.size();
    return true;
  }
  bool read_bool(bool& value) {
    if (read_atom_is("true")) return value = true, true;
    if (read_atom_is("false")) return value = false, true;
    return false;
  }

  bool read_integer(std::int64_t& value) {
    if (!has(2)) return false;
    if (*pos_ == code(tag::small_integer)) {
      value = pos_[1];
      pos_ += 2;
      return true;
    }
    if (*pos_ == code(tag::integer)) {
      if (!has(5)) return false;
      value = static_cast<std::int32_t>(wire::load32(pos_ + 1));
      pos_ += 5;
      return true;
    }
    cursor ahead = *this;
    bool negative;
    std::uint64_t magnitude;
    if (!ahead.read_magnitude(negative, magnitude)) return false;
    const std::uint64_t most = static_cast<std::uint64_t>(INT64_MAX) + (negative ? 1 : 0);
    if (magnitude > most) return false;
    value = static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
    *this = ahead;
    return true;
  }
  bool read_unsigned(std::uint64_t& value) {
    if (has(2) && *pos_ == code(tag::small_integer)) {
      value = pos_[1];
      pos_ += 2;
      return true;
    }
    if (has(5) && *pos_ == code(tag::integer)) {
      const auto small = static_cast<std::int32_t>(wire::load32(pos_ + 1));
      if (small < 0) return false;
      value = static_cast<std::uint64_t>(small);
      pos_ += 5;
      return true;
    }
    cursor ahead = *this;
    bool negative;
    if (!ahead.read_magnitude(negative, value) || (negative && value != 0)) return false;
    *this = ahead;
    return true;
  }
  /// SMALL_BIG_EXT or LARGE_BIG_EXT of any length: the magnitude, least significant byte first.
  bool read_big(bool& negative, bytes& magnitude) {
    std::size_t head, size;
    if (has(3) && *pos_ == code(tag::small_big)) {
      head = 2;
      size = pos_[1];
    } else if (has(6) && *pos_ == code(tag::large_big)) {
      head = 5;
      size = wire::load32(pos_ + 1);
    } else {
      return false;
    }
    if (!has(head + 1 + size)) return false;
    negative = pos_[head] != 0;
    magnitude = {pos_ + head + 1, size};
    pos_ += head + 1 + size;
    return true;
  }

  /// A float; an integer does not match. NaN and infinities are refused.
  bool read_float(double& value) {
    if (has(9) && *pos_ == code(tag::new_float)) [[likely]] {
      const std::uint64_t bits = wire::load64(pos_ + 1);
      if ((bits >> 52 & 0x7FF) == 0x7FF) return false;
      value = std::bit_cast<double>(bits);
      pos_ += 9;
      return true;
    }
    if (!has(32) || *pos_ != code(tag::float_text)) return false;
    const char* const text = reinterpret_cast<const char*>(pos_ + 1);
    double parsed = 0;
    const auto [stop, trouble] = std::from_chars(text, text + 31, parsed);
    if (trouble != std::errc{} || (stop != text + 31 && *stop != 0)) return false;
    if ((std::bit_cast<std::uint64_t>(parsed) >> 52 & 0x7FF) == 0x7FF) return false;
    value = parsed;
    pos_ += 32;
    return true;
  }

  bool read_binary(bytes& data) {
    if (!has(5)) return false;
    std::size_t head = 5;
    if (*pos_ != code(tag::binary)) [[unlikely]] {
      if (*pos_ != code(tag::bit_binary) || !has(6) || pos_[5] != 8) return false;
      head = 6;
    }
    const std::size_t size = wire::load32(pos_ + 1);
    if (size > left() - head) return false;
    data = {pos_ + head, size};
    pos_ += head + size;
    return true;
  }
  /// Any bitstring; `bits` of its last byte count, from the top: 1 to 8, and 8 for the empty one.
  bool read_bitstring(bytes& data, unsigned& bits) {
    if (read_binary(data)) return bits = 8, true;
    if (!has(6) || *pos_ != code(tag::bit_binary)) return false;
    const std::size_t size = wire::load32(pos_ + 1);
    if (size > left() - 6 || size == 0 || pos_[5] == 0 || pos_[5] > 8) return false;
    data = {pos_ + 6, size};
    bits = pos_[5];
    pos_ += 6 + size;
    return true;
  }
  /// STRING_EXT: a list of bytes.
  bool read_string(bytes& data) {
    if (!has(3) || *pos_ != code(tag::string)) return false;
    const std::size_t size = wire::load16(pos_ + 1);
    if (size > left() - 3) return false;
    data = {pos_ + 3, size};
    pos_ += 3 + size;
    return true;
  }
  /// A binary, or a list of bytes in any encoding.
  bool read_text(std::string& text) {
    bytes data;
    if (read_binary(data) || read_string(data)) {
      text.assign(reinterpret_cast<const char*>(data.data()), data.size());
      return true;
    }
    cursor ahead = *this;
    std::uint32_t length;
    if (!ahead.read_list(length)) return false;
    if (length > ahead.left() / 2) return false;
    std::string out(length, '\0');
    for (char& c : out) {
      std::int64_t value;
      if (!ahead.read_integer(value) || value < 0 || value > 255) return false;
      c = static_cast<char>(value);
    }
    if (length != 0 && !ahead.read_nil()) return false;
    text = std::move(out);
    *this = ahead;
    return true;
  }

  bool read_pid(etf::pid& value) {
    if (!has(1)) return false;
    const bool is_new = *pos_ == code(tag::new_pid);
    if (!is_new && *pos_ != code(tag::old_pid)) return false;
    cursor ahead = after_tag(1);
    if (!ahead.read_atom(value.node) || !ahead.has(is_new ? 12 : 9)) return false;
    value.id = wire::load32(ahead.pos_);
    value.serial = wire::load32(ahead.pos_ + 4);
    value.creation = is_new ? wire::load32(ahead.pos_ + 8) : ahead.pos_[8];
    pos_ = ahead.pos_ + (is_new ? 12 : 9);
    return true;
  }
  bool read_port(etf::port& value) {
    if (!has(1)) return false;
    const std::uint8_t t = *pos_;
    if (kind_of(t) != kind::port) return false;
    cursor ahead = after_tag(1);
    const std::size_t id_size = t == code(tag::v4_port) ? 8 : 4;
    const std::size_t creation_size = t == code(tag::old_port) ? 1 : 4;
    if (!ahead.read_atom(value.node) || !ahead.has(id_size + creation_size)) return false;
    value.id = id_size == 8 ? wire::load64(ahead.pos_) : wire::load32(ahead.pos_);
    value.creation = creation_size == 4 ? wire::load32(ahead.pos_ + id_size) : ahead.pos_[4];
    pos_ = ahead.pos_ + id_size + creation_size;
    return true;
  }
  bool read_reference(etf::reference& value) {
    if (!has(3) || kind_of(*pos_) != kind::reference) return false;
    const std::uint8_t t = *pos_;
    const bool is_old = t == code(tag::old_reference);
    const std::uint32_t count = is_old ? 1 : wire::load16(pos_ + 1);
    if (count == 0 || count > 5) return false;
    cursor ahead = after_tag(is_old ? 1 : 3);
    const std::size_t creation_size = t == code(tag::newer_reference) ? 4 : 1;
    std::string_view node;
    if (!ahead.read_atom(node) || !ahead.has(creation_size + 4 * count)) return false;
    const std::uint8_t* words = ahead.pos_ + (is_old ? 0 : creation_size);
    const std::uint8_t* creation = is_old ? ahead.pos_ + 4 : ahead.pos_;
    value.node = node;
    value.creation = creation_size == 4 ? wire::load32(creation) : *creation;
    value.count = count;
    value.words = {};
    for (std::uint32_t i = 0; i < count; ++i) value.words[i] = wire::load32(words + 4 * i);
    pos_ = ahead.pos_ + creation_size + 4 * count;
    return true;
  }
  /// fun Module:Function/Arity
  bool read_exported_fun(std::string_view& module, std::string_view& function, std::uint8_t& arity) {
    if (peek_tag() != code(tag::exported_fun)) return false;
    cursor ahead = after_tag(1);
    std::uint64_t count;
    if (!ahead.read_atom(module) || !ahead.read_atom(function) || !ahead.read_unsigned(count) || count > 255)
      return false;
    arity = static_cast<std::uint8_t>(count);
    *this = ahead;
    return true;
  }

  /// Any one term, as its encoded bytes.
  bool read_term(bytes& whole) {
    const std::uint8_t* const start = pos_;
    if (!skip()) return false;
    whole = {start, pos_};
    return true;
  }

  /// Skips one term, in constant stack. Checks shapes and sizes, not contents.
  bool skip() { return skip(1); }
  /// Skips `count` consecutive terms.
  bool skip(std::uint32_t count) {
    const std::uint8_t* p = pos_;
    for (std::uint64_t due = count; due != 0; --due) {
      if (due >= 4) {
        p = skip_plain_integers(p, due);
        if (due == 0) break;
      }
      std::uint64_t below = 0;
      p = skip_head(p, below);
      if (p == nullptr || below > static_cast<std::uint64_t>(end_ - p)) return false;
      due += below;
    }
    pos_ = p;
    return true;
  }

 private:
  static constexpr std::uint8_t code(tag t) { return static_cast<std::uint8_t>(t); }
  std::size_t left() const { return static_cast<std::size_t>(end_ - pos_); }
  bool has(std::size_t count) const { return left() >= count; }
  static bool same(const std::uint8_t* at, std::string_view name) {
    return std::memcmp(at, name.data(), name.size()) == 0;
  }
  [[gnu::noinline, gnu::cold]] bool read_spelled_atom(std::string_view name) {
    cursor ahead = *this;
    std::string_view found;
    return ahead.read_atom(found) && found == name ? (*this = ahead, true) : false;
  }
  cursor after_tag(std::size_t count) const {
    cursor ahead = *this;
    ahead.pos_ += count;
    return ahead;
  }
  bool head32(tag t, std::uint32_t& count) {
    if (!has(5) || *pos_ != code(t)) return false;
    count = wire::load32(pos_ + 1);
    pos_ += 5;
    return true;
  }
  bool read_magnitude(bool& negative, std::uint64_t& value) {
    bytes magnitude;
    if (!read_big(negative, magnitude)) return false;
    std::size_t size = magnitude.size();
    if (size == 8) [[likely]]
      return value = wire::load64_little(magnitude.data()), true;
    while (size != 0 && magnitude[size - 1] == 0) --size;
    if (size > 8) return false;
    value = 0;
    while (size-- != 0) value = value << 8 | magnitude[size];
    return true;
  }

  /// Skips integers in groups of four with equal tags, as in lists of numbers; `due` is the number of terms
  /// left.
  const std::uint8_t* skip_plain_integers(const std::uint8_t* p, std::uint64_t& due) const {
    constexpr auto plain = code(tag::integer);
    constexpr std::uint64_t tags = 0xFF00FF00FF00FF00, small = 0x0100010001000100 * code(tag::small_integer);
    for (; due >= 4 && end_ - p >= 20; due -= 4) {
      if (((p[0] ^ plain) | (p[5] ^ plain) | (p[10] ^ plain) | (p[15] ^ plain)) == 0)
        p += 20;
      else if ((wire::load64(p) & tags) == small)
        p += 8;
      else
        break;
    }
    return p;
  }

  /// Skips one head, or one term without elements; `below` is the number of terms that it promises. nullptr:
  /// it does not fit.
  const std::uint8_t* skip_head(const std::uint8_t* p, std::uint64_t& below) const {
    const auto room = static_cast<std::size_t>(end_ - p);
    const auto past = [p, room](std::size_t size) { return size <= room ? p + size : nullptr; };
    const auto sized32 = [p, room, past](std::size_t head) {
      return room < 5 ? nullptr : past(head + wire::load32(p + 1));
    };
    if (room == 0) return nullptr;
    switch (static_cast<tag>(*p)) {
      case tag::small_integer:
        return past(2);
      case tag::integer:
        return past(5);
      case tag::new_float:
        return past(9);
      case tag::float_text:
        return past(32);
      case tag::nil:
        return past(1);
      case tag::small_atom_utf8:
      case tag::small_atom_latin1:
        return room < 2 ? nullptr : past(std::size_t{2} + p[1]);
      case tag::atom_utf8:
      case tag::atom_latin1:
      case tag::string:
        return room < 3 ? nullptr : past(std::size_t{3} + wire::load16(p + 1));
      case tag::binary:
        return sized32(5);
      case tag::bit_binary:
        return sized32(6);
      case tag::small_big:
        return room < 2 ? nullptr : past(std::size_t{3} + p[1]);
      case tag::large_big:
        return sized32(6);
      case tag::small_tuple:
        return room < 2 ? nullptr : (below = p[1], p + 2);
      case tag::large_tuple:
        return room < 5 ? nullptr : (below = wire::load32(p + 1), p + 5);
      case tag::list:
        return room < 5 ? nullptr : (below = std::uint64_t{wire::load32(p + 1)} + 1, p + 5);
      case tag::map:
        return room < 5 ? nullptr : (below = std::uint64_t{wire::load32(p + 1)} * 2, p + 5);
      case tag::exported_fun:
        return below = 3, p + 1;
      case tag::new_fun:
        return room < 5 || wire::load32(p + 1) < 4 ? nullptr : past(std::size_t{1} + wire::load32(p + 1));
      case tag::new_pid:
      case tag::old_pid:
      case tag::new_port:
      case tag::v4_port:
      case tag::old_port:
      case tag::newer_reference:
      case tag::new_reference:
      case tag::old_reference:
        return skip_identity(p);
      default:
        return nullptr;
    }
  }

  const std::uint8_t* skip_identity(const std::uint8_t* p) const {
    const auto t = static_cast<tag>(*p);
    std::size_t head = 1, tail = 0;
    switch (t) {
      case tag::new_pid:
      case tag::v4_port:
        tail = 12;
        break;
      case tag::old_pid:
        tail = 9;
        break;
      case tag::new_port:
        tail = 8;
        break;
      case tag::old_port:
      case tag::old_reference:
        tail = 5;
        break;
      default:
        if (end_ - p < 3) return nullptr;
        head = 3;
        tail = (t == tag::newer_reference ? 4 : 1) + std::size_t{4} * wire::load16(p + 1);
    }
    p += head;
    const auto room = static_cast<std::size_t>(end_ - p);
    std::size_t node = 0;
    if (room < 3 || kind_of(*p) != kind::atom) return nullptr;
    const bool is_long = *p == code(tag::atom_utf8) || *p == code(tag::atom_latin1);
    node = is_long ? std::size_t{3} + wire::load16(p + 1) : std::size_t{2} + p[1];
    return node + tail <= room ? p + node + tail : nullptr;
  }

  const std::uint8_t* begin_ = nullptr;
  const std::uint8_t* pos_ = nullptr;
  const std::uint8_t* end_ = nullptr;
};

} // namespace coppice::etf
