// SPDX-License-Identifier: MIT
// Erlang's term order over encoded bytes. Two cursors walk the terms in step; a stack of frames remembers the
// containers that are open, so that nesting costs no machine stack. A map is compared by its sorted keys,
// then by their values; sorting compares keys, which only recurses where maps are keys of maps, to a fixed
// depth (below it such keys are ordered by their bytes).
//
// Within keys of maps, numbers are ordered exactly: 1 is not 1.0, integers come before floats.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/wire.hpp>

namespace coppice::etf {

namespace {

constexpr unsigned deepest_key = 32;

int sign(bool less, bool greater) {
  return less ? -1 : greater ? 1 : 0;
}
template <class T>
int three_way(const T& a, const T& b) {
  return sign(a < b, b < a);
}
int compare_text(std::string_view a, std::string_view b) {
  return three_way(a.compare(b), 0);
}

int compare_bytes(bytes a, bytes b) {
  const std::size_t common = std::min(a.size(), b.size());
  const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
  return order != 0 ? three_way(order, 0) : three_way(a.size(), b.size());
}

// Numbers

struct number {
  bool is_float = false;
  bool negative = false;
  double real = 0;
  bytes magnitude{}; ///< little-endian, without leading zeros
  std::uint8_t room[8]{};
};

bytes without_zeros(bytes magnitude) {
  while (!magnitude.empty() && magnitude.back() == 0) magnitude = magnitude.first(magnitude.size() - 1);
  return magnitude;
}

bool read_number(cursor& in, number& out) {
  std::int64_t value;
  if (in.read_float(out.real)) return out.is_float = true;
  if (in.read_integer(value)) {
    out.negative = value < 0;
    wire::store64_little(
        out.room, value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
    out.magnitude = without_zeros(out.room);
    return true;
  }
  if (!in.read_big(out.negative, out.magnitude)) return false;
  out.magnitude = without_zeros(out.magnitude);
  return true;
}

int compare_magnitudes(bytes a, bytes b) {
  if (a.size() != b.size()) return three_way(a.size(), b.size());
  for (std::size_t i = a.size(); i-- != 0;) {
    if (a[i] != b[i]) return three_way(a[i], b[i]);
  }
  return 0;
}

int compare_integers(const number& a, const number& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const int order = compare_magnitudes(a.magnitude, b.magnitude);
  return a.negative ? -order : order;
}

/// Exactly: the float is taken apart, nothing is rounded.
int compare_integer_float(const number& whole, double real) {
  const bool negative = std::signbit(real);
  if (real == 0) return whole.magnitude.empty() ? 0 : whole.negative ? -1 : 1;
  if (whole.magnitude.empty() || whole.negative != negative) return negative ? 1 : -1;
  std::uint8_t digits[136]{};
  const auto bits = std::bit_cast<std::uint64_t>(real);
  const int exponent = static_cast<int>(bits >> 52 & 0x7FF) - 1075;
  std::uint64_t mantissa = bits & 0xFFFFFFFFFFFFFU;
  if (exponent != -1075) mantissa |= std::uint64_t{1} << 52;
  bool fraction = false;
  if (exponent <= 0) {
    const int shift = -exponent;
    fraction = shift > 63 || (mantissa & ((std::uint64_t{1} << shift) - 1)) != 0;
    wire::store64_little(digits, shift > 63 ? 0 : mantissa >> shift);
  } else {
    const auto byte = static_cast<std::size_t>(exponent) / 8;
    const unsigned shift = static_cast<unsigned>(exponent) % 8;
    wire::store64_little(digits + byte, mantissa << shift);
    if (shift != 0) digits[byte + 8] = static_cast<std::uint8_t>(mantissa >> (64 - shift));
  }
  int order = compare_magnitudes(whole.magnitude, without_zeros(digits));
  if (order == 0 && fraction) order = -1;
  return negative ? -order : order;
}

int compare_numbers(const number& a, const number& b, bool exact) {
  if (a.is_float && b.is_float) {
    if (a.real != b.real) return three_way(a.real, b.real);
    if (!exact) return 0;
    return sign(std::signbit(a.real) && !std::signbit(b.real), !std::signbit(a.real) && std::signbit(b.real));
  }
  if (a.is_float != b.is_float && exact) return a.is_float ? 1 : -1;
  if (a.is_float) return -compare_integer_float(b, a.real);
  return b.is_float ? compare_integer_float(a, b.real) : compare_integers(a, b);
}

// Leaves

int rank(kind k) {
  switch (k) {
    case kind::integer:
    case kind::floating:
      return 1;
    case kind::atom:
      return 2;
    case kind::reference:
      return 3;
    case kind::fun:
      return 4;
    case kind::port:
      return 5;
    case kind::pid:
      return 6;
    case kind::tuple:
      return 7;
    case kind::map:
      return 8;
    case kind::nil:
      return 9;
    case kind::list:
      return 10;
    case kind::binary:
    case kind::bitstring:
      return 11;
    case kind::none:
      return 0;
  }
  return 0;
}

int compare_nodes(std::string_view a, std::uint32_t a_creation, std::string_view b,
                  std::uint32_t b_creation) {
  const int order = compare_text(a, b);
  return order != 0 ? order : three_way(a_creation, b_creation);
}

int compare_pids(cursor& a, cursor& b) {
  pid x, y;
  if (!a.read_pid(x) || !b.read_pid(y)) return 0;
  if (x.serial != y.serial) return three_way(x.serial, y.serial);
  if (x.id != y.id) return three_way(x.id, y.id);
  return compare_nodes(x.node, x.creation, y.node, y.creation);
}

int compare_ports(cursor& a, cursor& b) {
  port x, y;
  if (!a.read_port(x) || !b.read_port(y)) return 0;
  const int order = compare_nodes(x.node, x.creation, y.node, y.creation);
  return order != 0 ? order : three_way(x.id, y.id);
}

int compare_references(cursor& a, cursor& b) {
  reference x, y;
  if (!a.read_reference(x) || !b.read_reference(y)) return 0;
  const int order = compare_nodes(x.node, x.creation, y.node, y.creation);
  if (order != 0) return order;
  for (std::size_t i = x.words.size(); i-- != 0;) {
    if (x.words[i] != y.words[i]) return three_way(x.words[i], y.words[i]);
  }
  return 0;
}

int compare_bitstrings(cursor& a, cursor& b) {
  bytes x, y;
  unsigned x_bits, y_bits;
  if (!a.read_bitstring(x, x_bits) || !b.read_bitstring(y, y_bits)) return 0;
  if (x_bits == 8 && y_bits == 8) return compare_bytes(x, y);
  const std::size_t x_size = x.size() * 8 - (8 - x_bits), y_size = y.size() * 8 - (8 - y_bits);
  const std::size_t common = std::min(x_size, y_size);
  if (common >= 8) {
    const int order = std::memcmp(x.data(), y.data(), common / 8);
    if (order != 0) return three_way(order, 0);
  }
  if (const unsigned left = common % 8; left != 0) {
    const unsigned mask = 0xFF00U >> left & 0xFFU;
    const unsigned p = x[common / 8] & mask, q = y[common / 8] & mask;
    if (p != q) return three_way(p, q);
  }
  return three_way(x_size, y_size);
}

struct local_fun {
  std::string_view module;
  std::int64_t old_index = 0, old_uniq = 0;
  std::uint32_t index = 0, free_variables = 0;
  bytes uniq;
};

/// The head of a NEW_FUN_EXT; leaves `in` at its free variables.
bool read_fun(cursor& in, local_fun& out) {
  const bytes all = in.rest();
  if (all.size() < 30 || in.peek_tag() != static_cast<std::uint8_t>(tag::new_fun)) return false;
  out.uniq = all.subspan(6, 16);
  out.index = wire::load32(all.data() + 22);
  out.free_variables = wire::load32(all.data() + 26);
  in.advance(30);
  pid creator;
  return in.read_atom(out.module) && in.read_integer(out.old_index) && in.read_integer(out.old_uniq) &&
         in.read_pid(creator);
}

// Containers

/// A list however it is written: STRING_EXT, LIST_EXT, one as the tail of the other.
struct list_walk {
  bytes text{};
  std::uint32_t left = 0;

  /// To the next element. True: `byte` >= 0 is it, or else it stands at `in`. False: the tail stands at `in`,
  /// or was [] if `ended`.
  bool next(cursor& in, int& byte, bool& ended) {
    byte = -1;
    ended = false;
    for (;;) {
      if (!text.empty()) {
        byte = text.front();
        text = text.subspan(1);
        was_text = text.empty();
        return true;
      }
      if (left != 0) return --left, true;
      if (was_text) return was_text = false, ended = true, false;
      if (in.read_string(text)) {
        if (text.empty()) return ended = true, false;
        continue;
      }
      if (in.peek() == kind::list && in.read_list(left) && left != 0) continue;
      return false;
    }
  }
  bool was_text = false; ///< the last byte of a STRING_EXT was given: its tail is []
};

struct map_entry {
  cursor key, value;
};

struct frame {
  enum class type : std::uint8_t { row, list, map } what;
  std::uint64_t left = 0; ///< of a row
  list_walk a_list{}, b_list{};
  std::size_t map_at = 0; ///< keys first, then values: 0 to twice their number
  std::size_t entries = 0;
  std::size_t first_entry = 0; ///< in entries_: those of a, then those of b
  cursor a_end{}, b_end{};
};

class comparer {
 public:
  comparer(cursor a, cursor b, bool exact, unsigned key_depth)
      : a_(a), b_(b), exact_(exact), key_depth_(key_depth) {}

  int run() {
    int order = one();
    while (order == 0 && !frames_.empty() && !broken_) order = next();
    return order;
  }

 private:
  int next() {
    frame& top = frames_.back();
    switch (top.what) {
      case frame::type::row:
        if (top.left == 0) return frames_.pop_back(), 0;
        --top.left;
        return one();
      case frame::type::list:
        return cell(top);
      case frame::type::map:
        return pair(top);
    }
    return 0;
  }

  int cell(frame& top) {
    int x, y;
    bool x_ended, y_ended;
    const bool more_x = top.a_list.next(a_, x, x_ended);
    const bool more_y = top.b_list.next(b_, y, y_ended);
    if (more_x && more_y) {
      if (x < 0 && y < 0) return one();
      if (x >= 0 && y >= 0) return three_way(x, y);
      return x >= 0 ? byte_against(x, b_) : -byte_against(y, a_);
    }
    if (more_x) return y_ended ? 1 : three_way(rank(kind::list), rank(b_.peek()));
    if (more_y) return x_ended ? -1 : three_way(rank(a_.peek()), rank(kind::list));
    frames_.pop_back();
    if (x_ended && y_ended) return 0;
    if (!x_ended && !y_ended) return one();
    const kind other = x_ended ? b_.peek() : a_.peek();
    if (other == kind::nil) return (x_ended ? b_ : a_).read_nil(), 0;
    return x_ended ? three_way(rank(kind::nil), rank(other)) : three_way(rank(other), rank(kind::nil));
  }

  /// A byte of a string against the element at `other`.
  int byte_against(int byte, cursor& other) const {
    number left, right;
    left.room[0] = static_cast<std::uint8_t>(byte);
    left.magnitude = without_zeros(left.room);
    if (rank(other.peek()) != rank(kind::integer)) return -1;
    if (!read_number(other, right)) return 0;
    return compare_numbers(left, right, exact_);
  }

  int pair(frame& top) {
    if (top.map_at == top.entries * 2) {
      a_ = top.a_end;
      b_ = top.b_end;
      entries_.resize(top.first_entry);
      frames_.pop_back();
      return 0;
    }
    const bool keys = top.map_at < top.entries;
    const std::size_t index = keys ? top.map_at : top.map_at - top.entries;
    ++top.map_at;
    const map_entry& x = entries_[top.first_entry + index];
    const map_entry& y = entries_[top.first_entry + top.entries + index];
    if (keys) return compare_keys(x, y, key_depth_ + 1);
    a_ = x.value;
    b_ = y.value;
    return one();
  }

  /// Of maps with one key nothing is sorted, and the values are compared where they stand.
  int single_pair() {
    map_entry x{a_, a_}, y{b_, b_};
    if (!x.value.skip() || !y.value.skip()) return 0;
    if (const int order = compare_keys(x, y, key_depth_ + 1); order != 0) return order;
    a_ = x.value;
    b_ = y.value;
    frames_.push_back({frame::type::row, 1});
    return 0;
  }

  int map() {
    std::uint32_t x, y;
    if (!a_.read_map(x) || !b_.read_map(y)) return 0;
    if (x != y) return three_way(x, y);
    if (x == 1) return single_pair();
    frame made{frame::type::map};
    made.entries = x;
    made.first_entry = entries_.size();
    if (!load(a_, x) || !load(b_, x)) return 0;
    made.a_end = a_;
    made.b_end = b_;
    frames_.push_back(made);
    return 0;
  }

  static int compare_keys(const map_entry& x, const map_entry& y, unsigned depth) {
    if (depth < deepest_key) return comparer(x.key, y.key, true, depth).run();
    const auto raw = [](const map_entry& e) { return e.key.rest().first(e.value.offset() - e.key.offset()); };
    return compare_bytes(raw(x), raw(y));
  }

  bool load(cursor& in, std::uint32_t count) {
    const std::size_t first = entries_.size();
    for (std::uint32_t i = 0; i < count; ++i) {
      map_entry entry;
      entry.key = in;
      if (!in.skip()) return false;
      entry.value = in;
      if (!in.skip()) return false;
      entries_.push_back(entry);
    }
    const unsigned depth = key_depth_ + 1;
    std::sort(entries_.begin() + static_cast<std::ptrdiff_t>(first), entries_.end(),
              [depth](const map_entry& x, const map_entry& y) { return compare_keys(x, y, depth) < 0; });
    return true;
  }

  int tuple() {
    std::uint32_t x, y;
    if (!a_.read_tuple(x) || !b_.read_tuple(y)) return 0;
    if (x != y) return three_way(x, y);
    if (x != 0) frames_.push_back({frame::type::row, x});
    return 0;
  }

  int fun() {
    std::string_view x_module, y_module, x_name, y_name;
    std::uint8_t x_arity = 0, y_arity = 0;
    const bool x_exported = a_.read_exported_fun(x_module, x_name, x_arity);
    const bool y_exported = b_.read_exported_fun(y_module, y_name, y_arity);
    if (x_exported != y_exported) return x_exported ? 1 : -1;
    if (x_exported) {
      int order = compare_text(x_module, y_module);
      if (order == 0) order = compare_text(x_name, y_name);
      return order != 0 ? order : three_way(x_arity, y_arity);
    }
    local_fun x, y;
    if (!read_fun(a_, x) || !read_fun(b_, y)) return 0;
    int order = compare_text(x.module, y.module);
    if (order == 0) order = three_way(x.old_index, y.old_index);
    if (order == 0) order = three_way(x.old_uniq, y.old_uniq);
    if (order == 0) order = three_way(x.index, y.index);
    if (order == 0) order = compare_bytes(x.uniq, y.uniq);
    if (order == 0) order = three_way(x.free_variables, y.free_variables);
    if (order == 0 && x.free_variables != 0) frames_.push_back({frame::type::row, x.free_variables});
    return order;
  }

  /// One term on either side. Where nothing was passed the bytes are no term, and the comparison ends: a
  /// count in broken bytes may promise more elements than there is time for.
  int one() {
    a_.skip_empty_heads();
    b_.skip_empty_heads();
    const std::size_t x = a_.offset(), y = b_.offset(), depth = frames_.size();
    const int order = head();
    broken_ = order == 0 && frames_.size() == depth && (a_.offset() == x || b_.offset() == y);
    return order;
  }

  int list() {
    const auto is_whole = [](cursor at) {
      bytes text;
      std::uint32_t length;
      return at.read_string(text) || at.read_list(length);
    };
    if (is_whole(a_) && is_whole(b_)) frames_.push_back({frame::type::list});
    return 0;
  }

  /// Compares the leaves or heads at both cursors, opening frames for what is inside.
  int head() {
    const kind x = a_.peek(), y = b_.peek();
    if (rank(x) != rank(y)) return three_way(rank(x), rank(y));
    switch (x) {
      case kind::integer:
      case kind::floating: {
        number left, right;
        if (!read_number(a_, left) || !read_number(b_, right)) return 0;
        return compare_numbers(left, right, exact_);
      }
      case kind::atom: {
        std::string_view left, right;
        if (!a_.read_atom(left) || !b_.read_atom(right)) return 0;
        return compare_text(left, right);
      }
      case kind::reference:
        return compare_references(a_, b_);
      case kind::fun:
        return fun();
      case kind::port:
        return compare_ports(a_, b_);
      case kind::pid:
        return compare_pids(a_, b_);
      case kind::tuple:
        return tuple();
      case kind::map:
        return map();
      case kind::nil:
        return a_.read_nil(), b_.read_nil(), 0;
      case kind::list:
        return list();
      case kind::binary:
      case kind::bitstring:
        return compare_bitstrings(a_, b_);
      case kind::none:
        return 0;
    }
    return 0;
  }

  cursor a_, b_;
  bool exact_;
  unsigned key_depth_;
  bool broken_ = false;
  std::vector<frame> frames_;
  std::vector<map_entry> entries_;
};

} // namespace

int compare(bytes a, bytes b) {
  return comparer(cursor(a), cursor(b), false, 0).run();
}

bool equal_exact(bytes a, bytes b) {
  if (a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0)) return true;
  return comparer(cursor(a), cursor(b), true, 0).run() == 0;
}

bool equal_loose(bytes a, bytes b) {
  return compare(a, b) == 0;
}

} // namespace coppice::etf
