// SPDX-License-Identifier: MIT
// Checks untrusted bytes in one pass: is there a whole, well-formed term at their start, within the limits?
// The pass never recurses: open containers are counters on a stack of its own, which uses the heap beyond 64
// levels. canonicalise() looks for keys that come twice, when all spellings are equal. The pass also reports
// whether the term is canonical, so that most terms are never copied (canonical.hpp).
//
// `due` is the number of terms that the innermost container still waits for. A list counts its tail; a list
// that is the tail of another replaces it, so that a long chain of heads is not deep. A fun ends where its
// parts end: OTP 23 and 24 write a wrong size for some funs, and later releases ignore it. A fun with a wrong
// size is not canonical and is written anew; validate(), after which a cursor relies on the size, refuses it.
//
// A term may also come in pieces (canonical_stream.hpp): the pass then stops before the first incomplete
// element and continues from there. The number of bytes to come is unknown then, so a count that is too large
// is found only at the end; nothing is ever reserved for it.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/error.hpp>
#include <coppice/etf/limits.hpp>
#include <coppice/etf/types.hpp>
#include <coppice/etf/utf8.hpp>
#include <coppice/etf/wire.hpp>

namespace coppice::etf {

struct scanned {
  std::size_t length = 0; ///< bytes of the term
  bool canonical = true;  ///< canonicalise() would not change it
  bool keyed = false;     ///< it has a map of two or more pairs: check_keys() is needed
  bool sized = true;      ///< each fun in it has the right size, so that a cursor may rely on it
};

/// Whether ATOM_CACHE_REF may be used for atoms, as in a message with a distribution header.
enum class cached_atoms : bool { refused, allowed };

namespace detail {

class scanner {
 public:
  scanner(bytes in, const limits& bounds, cached_atoms cached)
      : begin_(in.data()), end_(in.data() + in.size()), bounds_(bounds), cached_(cached) {
    if (in.size() > bounds.bytes) end_ = begin_ + bounds.bytes, cut_ = true;
  }
  /// For a term in pieces; see pass().
  scanner(const limits& bounds, cached_atoms cached) : bounds_(bounds), cached_(cached), in_pieces_(true) {}

  /// The end of the term. nullptr: see trouble().
  const std::uint8_t* run() { return walk<true>(); }

  enum class progress : std::uint8_t { open, done, failed };

  /// Takes the next piece and returns how many bytes at its front are whole elements; 0 after
  /// progress::failed. The caller gives the other bytes again, with more behind them. The bytes of a binary
  /// may extend beyond the piece; they are not given here. canonical() and trouble() concern the last piece.
  std::size_t pass(bytes piece) {
    begin_ = piece.data();
    end_ = begin_ + piece.size();
    canonical_ = true;
    const std::uint8_t* const end = walk<false>();
    if (end == nullptr && code_ != errc::truncated) return progress_ = progress::failed, 0;
    if (end != nullptr) progress_ = progress::done;
    const auto passed = static_cast<std::size_t>((end != nullptr ? end : stopped_) - begin_);
    base_ += passed;
    return passed;
  }
  progress state() const { return progress_; }
  /// Bytes after the last piece that belong to a binary which began in it; `count` of them were passed by.
  std::uint64_t beyond() const { return beyond_; }
  void leave_out(std::size_t count) { base_ += count, beyond_ -= count; }

  /// In pieces: false for a piece with a fun, since a size may depend on bytes after the piece.
  bool canonical() const { return canonical_; }
  bool keyed() const { return keyed_; }
  /// For a whole term: a fun in it has a wrong size.
  bool has_wrong_size() const { return wrong_size_ != nullptr; }
  unexpected<error> wrong_size_trouble() const {
    return fail(errc::bad_value, offset(wrong_size_), wrong_size_ < end_ ? *wrong_size_ : std::uint8_t{0},
                "a fun of the size it names expected");
  }
  /// Bytes of memory that it holds.
  std::size_t held() const { return more_.capacity() * sizeof(std::uint64_t); }
  unexpected<error> trouble() const {
    return fail(code_, offset(where_), where_ < end_ ? *where_ : std::uint8_t{0}, what_);
  }

 private:
  template <bool Whole>
  const std::uint8_t* walk() {
    const std::uint8_t* p = begin_;
    const std::uint8_t* const end = end_;
    std::uint64_t due = due_;
    for (;;) {
      if constexpr (!Whole) stopped_ = p, due_ = due;
      if (p == end) [[unlikely]]
        return truncated(p);
      const auto room = static_cast<std::size_t>(end - p);
      std::uint64_t below = 0;
      switch (static_cast<tag>(*p)) {
        case tag::small_integer:
          if (room < 2) return truncated(p);
          p += 2;
          if (due > list_mark) p = run_of_small_integers(p, due);
          break;
        case tag::integer:
          if (room < 5) return truncated(p);
          canonical_ &= wire::load32(p + 1) > 255;
          p += 5;
          if (due > list_mark) p = run_of_integers(p, due);
          break;
        case tag::small_atom_utf8: {
          if (room < 2) return truncated(p);
          const std::size_t size = p[1];
          if (room < 2 + size) return truncated(p);
          if (!is_plain(p + 2, size, room - 2) || size > bounds_.atom_characters) {
            if (!check_utf8(p, p + 2, size)) return nullptr;
          }
          p += 2 + size;
          break;
        }
        case tag::nil:
          ++p;
          break;
        case tag::new_float:
          if (room < 9) return truncated(p);
          if ((wire::load16(p + 1) & 0x7FF0) == 0x7FF0)
            return refuse(errc::bad_value, p, "a finite float expected");
          p += 9;
          if (due > list_mark) p = run_of_floats(p, due);
          break;
        case tag::binary: {
          if (room < 5) return truncated(p);
          const std::size_t size = wire::load32(p + 1);
          if (size > room - 5) {
            if (Whole) return truncated(p);
            beyond_ = size - (room - 5);
            p = end;
            break;
          }
          p += 5 + size;
          break;
        }
        case tag::string: {
          if (room < 3) return truncated(p);
          const std::size_t size = wire::load16(p + 1);
          if (size > room - 3) return truncated(p);
          canonical_ &= size != 0;
          p += 3 + size;
          break;
        }
        case tag::small_tuple:
          if (room < 2) return truncated(p);
          below = p[1];
          if (Whole && below > room - 2) return truncated(p);
          p += 2;
          if (below == 0) break;
          if (!push(due, p - 2)) return nullptr;
          due = below;
          continue;
        case tag::list: {
          if (room < 5) return truncated(p);
          below = wire::load32(p + 1);
          if (Whole && below >= room - 5) return truncated(p);
          p += 5;
          if (below == 0) {
            canonical_ = false;
            continue;
          }
          if (due != (list_mark | 1) && !push(due, p - 5)) return nullptr;
          due = list_mark | (below + 1);
          continue;
        }
        case tag::map:
          if (room < 5) return truncated(p);
          below = std::uint64_t{wire::load32(p + 1)} * 2;
          if (Whole && below > room - 5) return truncated(p);
          p += 5;
          if (below == 0) break;
          keyed_ |= below > 2;
          if (!push(due, p - 5)) return nullptr;
          due = below;
          continue;
        case tag::large_tuple:
          if (room < 5) return truncated(p);
          below = wire::load32(p + 1);
          if (Whole && below > room - 5) return truncated(p);
          canonical_ &= below > 255;
          p += 5;
          if (below == 0) break;
          if (!push(due, p - 5)) return nullptr;
          due = below;
          continue;
        case tag::new_fun: {
          const std::uint8_t* const head = p;
          p = fun_head(p, below);
          if (p == nullptr) return nullptr;
          const std::uint64_t stop = offset(head) + 1 + wire::load32(head + 1);
          if (below == 0) {
            if (offset(p) != stop) wrong_size(head);
            break;
          }
          if (!push(due, head) || !push(stop, head)) return nullptr;
          due = fun_mark | below;
          continue;
        }
        default:
          p = leaf(p);
          if (p == nullptr) return nullptr;
      }
      while (((--due) & count_mask) == 0) {
        if (depth_ == 0) return p;
        if ((due & fun_mark) != 0 && offset(p) + beyond_ != stack_[--depth_]) wrong_size(p);
        due = stack_[--depth_];
      }
    }
  }

  void wrong_size(const std::uint8_t* at) {
    canonical_ = false;
    if (wrong_size_ == nullptr) wrong_size_ = at;
  }

  static constexpr std::uint64_t list_mark = std::uint64_t{1} << 63;
  static constexpr std::uint64_t fun_mark = std::uint64_t{1} << 62;
  static constexpr std::uint64_t count_mask = fun_mark - 1;

  std::uint64_t offset(const std::uint8_t* p) const { return base_ + static_cast<std::uint64_t>(p - begin_); }

  [[gnu::cold, gnu::noinline]] const std::uint8_t* refuse(errc code, const std::uint8_t* at,
                                                          const char* what) {
    code_ = code;
    where_ = at;
    what_ = what;
    return nullptr;
  }
  [[gnu::cold, gnu::noinline]] const std::uint8_t* truncated(const std::uint8_t* at) {
    if (cut_) return refuse(errc::too_large, at, "a term within the limit of bytes expected");
    return refuse(errc::truncated, at, "the rest of a term expected");
  }

  // Lists of numbers: four elements a step as long as all four are good and canonical; `due` still counts the
  // element before them. The other elements go through the switch.

  const std::uint8_t* run_of_small_integers(const std::uint8_t* p, std::uint64_t& due) const {
    for (; (due & count_mask) > 6 && end_ - p >= 8; p += 8, due -= 4) {
      if ((wire::load64(p) & 0xFF00FF00FF00FF00U) != 0x6100610061006100U) break;
    }
    return p;
  }
  const std::uint8_t* run_of_integers(const std::uint8_t* p, std::uint64_t& due) const {
    // The tag and three bytes of the value at once: good if the tag is 98 and the three are not all zero.
    const auto good = [](const std::uint8_t* at) -> unsigned {
      return wire::load32(at) - 0x62000001U < 0x00FFFFFFU;
    };
    for (; (due & count_mask) > 6 && end_ - p >= 20; p += 20, due -= 4) {
      if (!(good(p) & good(p + 5) & good(p + 10) & good(p + 15))) break;
    }
    return p;
  }
  const std::uint8_t* run_of_floats(const std::uint8_t* p, std::uint64_t& due) const {
    const auto good = [](const std::uint8_t* at) {
      const std::uint32_t head = wire::load32(at);
      return (head >> 24 == 70) & ((head & 0x007FF000U) != 0x007FF000U);
    };
    for (; (due & count_mask) > 6 && end_ - p >= 36; p += 36, due -= 4) {
      if (!(good(p) & good(p + 9) & good(p + 18) & good(p + 27))) break;
    }
    return p;
  }

  bool push(std::uint64_t due, const std::uint8_t* at) {
    if (depth_ >= bounds_.depth)
      return refuse(errc::too_deep, at, "a term within the limit of depth expected"), false;
    if (depth_ == capacity_) [[unlikely]]
      widen();
    stack_[depth_++] = due;
    return true;
  }
  [[gnu::cold, gnu::noinline]] void widen() {
    if (more_.empty()) more_.assign(near_.begin(), near_.end());
    capacity_ *= 4;
    more_.resize(capacity_);
    stack_ = more_.data();
  }

  /// Whether up to 16 bytes are ASCII; a fast path if 16 bytes can be loaded.
  static bool is_plain(const std::uint8_t* at, std::size_t size, std::size_t room) {
    if (size <= 16 && room >= 16) [[likely]] {
      std::uint64_t low, high;
      std::memcpy(&low, at, 8);
      std::memcpy(&high, at + 8, 8);
      low &= utf8::high_bits;
      high &= utf8::high_bits;
      if ((low | high) == 0) [[likely]]
        return true;
    }
    return utf8::is_ascii(at, size);
  }

  bool check_utf8(const std::uint8_t* at, const std::uint8_t* name, std::size_t size) {
    const std::ptrdiff_t length = utf8::length(name, size);
    if (length < 0) return refuse(errc::bad_value, at, "an atom in UTF-8 expected"), false;
    if (static_cast<std::size_t>(length) > bounds_.atom_characters) {
      return refuse(errc::too_large, at, "an atom within the limit of characters expected"), false;
    }
    return true;
  }

  /// An atom with any tag.
  const std::uint8_t* atom(const std::uint8_t* p) {
    if (p == end_) return truncated(p);
    const auto room = static_cast<std::size_t>(end_ - p);
    std::size_t head = 2;
    switch (static_cast<tag>(*p)) {
      case tag::atom_cache_ref:
        if (cached_ == cached_atoms::refused)
          return refuse(errc::bad_tag, p, "no atom cache reference expected here");
        canonical_ = false;
        return room < 2 ? truncated(p) : p + 2;
      case tag::small_atom_utf8:
      case tag::small_atom_latin1:
        break;
      case tag::atom_utf8:
      case tag::atom_latin1:
        head = 3;
        break;
      default:
        return refuse(errc::bad_value, p, "an atom expected");
    }
    if (room < head) return truncated(p);
    const std::size_t size = head == 2 ? p[1] : wire::load16(p + 1);
    if (size > room - head) return truncated(p);
    const auto t = static_cast<tag>(*p);
    if (t == tag::small_atom_utf8 || t == tag::atom_utf8) {
      if (!check_utf8(p, p + head, size)) return nullptr;
      canonical_ &= (head == 2) == (size < 256);
    } else {
      if (size > bounds_.atom_characters)
        return refuse(errc::too_large, p, "an atom within the limit of characters expected");
      canonical_ = false;
    }
    return p + head + size;
  }

  /// A node's name and `tail` bytes after it.
  const std::uint8_t* identity(const std::uint8_t* at, std::size_t head, std::size_t tail) {
    const auto room = static_cast<std::size_t>(end_ - at);
    if (room < head) return truncated(at);
    const std::uint8_t* p = atom(at + head);
    if (p == nullptr) return nullptr;
    if (static_cast<std::size_t>(end_ - p) < tail) return truncated(at);
    return p + tail;
  }

  const std::uint8_t* port(const std::uint8_t* at) {
    const auto t = static_cast<tag>(*at);
    const std::size_t tail = t == tag::v4_port ? 12 : t == tag::new_port ? 8 : 5;
    const std::uint8_t* p = identity(at, 1, tail);
    if (p == nullptr) return nullptr;
    const bool fits = t == tag::v4_port ? wire::load64(p - 12) >> 28 == 0
                                        : t == tag::new_port && wire::load32(p - 8) >> 28 == 0;
    canonical_ &= t == tag::v4_port ? !fits : fits;
    return p;
  }

  const std::uint8_t* reference(const std::uint8_t* at) {
    if (end_ - at < 3) return truncated(at);
    const std::size_t count = wire::load16(at + 1);
    if (count == 0 || count > 5) return refuse(errc::bad_value, at, "a reference of 1 to 5 words expected");
    const bool is_newest = static_cast<tag>(*at) == tag::newer_reference;
    canonical_ &= is_newest;
    return identity(at, 3, (is_newest ? 4 : 1) + 4 * count);
  }

  const std::uint8_t* big(const std::uint8_t* p) {
    const auto room = static_cast<std::size_t>(end_ - p);
    const bool is_small = static_cast<tag>(*p) == tag::small_big;
    const std::size_t head = is_small ? 3 : 6;
    if (room < head) return truncated(p);
    const std::size_t size = is_small ? p[1] : wire::load32(p + 1);
    if (size > room - head) return truncated(p);
    const std::uint8_t sign = p[head - 1];
    if (sign > 1) return refuse(errc::bad_value, p, "a sign of 0 or 1 expected");
    const std::uint8_t* digits = p + head;
    // Not canonical: leading zeros, the long tag for a short integer, and integers that fit INTEGER_EXT.
    canonical_ &= size >= 4 && digits[size - 1] != 0 && is_small == (size < 256);
    if (size == 4) {
      const std::uint32_t magnitude = digits[0] | std::uint32_t{digits[1]} << 8 |
                                      std::uint32_t{digits[2]} << 16 | std::uint32_t{digits[3]} << 24;
      canonical_ &= magnitude > std::uint32_t{INT32_MAX} + sign;
    }
    return p + head + size;
  }

  /// The head of a fun up to its free variables, whose number is `below`.
  const std::uint8_t* fun_head(const std::uint8_t* at, std::uint64_t& below) {
    if (end_ - at < 30) return truncated(at);
    below = wire::load32(at + 26);
    if (!in_pieces_ && below > static_cast<std::size_t>(end_ - at) - 30) return truncated(at);
    canonical_ &= !in_pieces_;
    const std::uint8_t* p = atom(at + 30);
    for (int i = 0; i < 2 && p != nullptr; ++i) { // old index and old uniq
      if (p == end_) return truncated(p);
      if (*p != static_cast<std::uint8_t>(tag::small_integer) &&
          *p != static_cast<std::uint8_t>(tag::integer)) {
        return refuse(errc::bad_value, p, "an integer expected in a fun");
      }
      const std::ptrdiff_t step = *p == static_cast<std::uint8_t>(tag::small_integer) ? 2 : 5;
      if (end_ - p < step) return truncated(p);
      p += step;
    }
    if (p == nullptr) return nullptr;
    if (p == end_) return truncated(p);
    if (kind_of(*p) != kind::pid) return refuse(errc::bad_value, p, "a pid expected in a fun");
    return leaf(p);
  }

  /// The rarer terms without elements.
  const std::uint8_t* leaf(const std::uint8_t* p) {
    const auto room = static_cast<std::size_t>(end_ - p);
    switch (static_cast<tag>(*p)) {
      case tag::atom_utf8:
      case tag::atom_latin1:
      case tag::small_atom_latin1:
      case tag::atom_cache_ref:
        return atom(p);
      case tag::new_pid:
        return identity(p, 1, 12);
      case tag::old_pid:
        return canonical_ = false, identity(p, 1, 9);
      case tag::new_port:
      case tag::v4_port:
      case tag::old_port:
        return port(p);
      case tag::newer_reference:
      case tag::new_reference:
        return reference(p);
      case tag::old_reference:
        return canonical_ = false, identity(p, 1, 5);
      case tag::small_big:
      case tag::large_big:
        return big(p);
      case tag::float_text: {
        if (room < 32) return truncated(p);
        double value;
        if (!cursor({p, end_}).read_float(value))
          return refuse(errc::bad_value, p, "the text of a float expected");
        canonical_ = false;
        return p + 32;
      }
      case tag::bit_binary: {
        if (room < 6) return truncated(p);
        const std::size_t size = wire::load32(p + 1);
        if (size > room - 6) return truncated(p);
        const unsigned bits = p[5];
        if (size == 0 ? bits != 0 : bits == 0 || bits > 8) {
          return refuse(errc::bad_value, p, "1 to 8 bits in the last byte of a bitstring expected");
        }
        canonical_ &= size != 0 && bits != 8 && (p[5 + size] & (0xFFU >> bits)) == 0;
        return p + 6 + size;
      }
      case tag::exported_fun: {
        const std::uint8_t* q = atom(p + 1);
        if (q != nullptr) q = atom(q);
        if (q == nullptr) return nullptr;
        if (end_ - q < 2) return truncated(p);
        if (*q != static_cast<std::uint8_t>(tag::small_integer))
          return refuse(errc::bad_value, q, "an arity of 0 to 255 expected");
        return q + 2;
      }
      case tag::compressed:
        return refuse(errc::bad_tag, p,
                      "a compressed term is only allowed at the very start; a term expected");
      case tag::old_fun:
      case tag::local:
        return refuse(errc::bad_tag, p, "a term that other nodes can read expected");
      default:
        return refuse(errc::bad_tag, p, "a term expected");
    }
  }

  const std::uint8_t* begin_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  const limits& bounds_;
  cached_atoms cached_;
  bool in_pieces_ = false;
  progress progress_ = progress::open;
  bool cut_ = false;
  bool canonical_ = true;
  bool keyed_ = false;
  errc code_ = errc::truncated;
  const std::uint8_t* where_ = nullptr;
  const char* what_ = "";
  const std::uint8_t* wrong_size_ = nullptr;
  std::uint64_t due_ = 1;
  std::uint64_t base_ = 0; // bytes before begin_
  std::uint64_t beyond_ = 0;
  const std::uint8_t* stopped_ = nullptr;
  std::size_t depth_ = 0;
  std::array<std::uint64_t, 64> near_;
  std::uint64_t* stack_ = near_.data();
  std::size_t capacity_ = 64;
  std::vector<std::uint64_t> more_;
};

} // namespace detail

/// The term at the start of `in` (no 131): its length, and whether it is canonical.
inline result<scanned> scan(bytes in, const limits& bounds = {},
                            cached_atoms cached = cached_atoms::refused) {
  detail::scanner pass(in, bounds, cached);
  const std::uint8_t* const end = pass.run();
  if (end == nullptr) [[unlikely]]
    return pass.trouble();
  return scanned{static_cast<std::size_t>(end - in.data()), pass.canonical(), pass.keyed(),
                 !pass.has_wrong_size()};
}

/// The length of the term at the start of `in` (no 131).
inline result<std::size_t> validate(bytes in, const limits& bounds = {}) {
  detail::scanner pass(in, bounds, cached_atoms::refused);
  const std::uint8_t* const end = pass.run();
  if (end == nullptr) [[unlikely]]
    return pass.trouble();
  if (pass.has_wrong_size()) return pass.wrong_size_trouble();
  return static_cast<std::size_t>(end - in.data());
}

} // namespace coppice::etf
