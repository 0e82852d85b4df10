// SPDX-License-Identifier: MIT
// Erlang's term order over encoded bytes. Two cursors walk the terms in step; a stack of frames remembers the
// containers that are open, so that nesting costs no machine stack. A map is compared by its sorted keys,
// then by their values; sorting compares keys, which only recurses where maps are keys of maps, to a fixed
// depth (below it such keys are ordered by their bytes).
//
// Within keys of maps, numbers are ordered exactly: 1 is not 1.0, integers come before floats.
#include <algorithm>
#include <cstring>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/order.hpp>

#include "order_leaves.hpp"

namespace coppice::etf {

namespace {

constexpr unsigned deepest_key = 32;

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
      if (x >= 0 && y >= 0) return order::three_way(x, y);
      return x >= 0 ? byte_against(x, b_) : -byte_against(y, a_);
    }
    if (more_x) return y_ended ? 1 : order::three_way(order::rank(kind::list), order::rank(b_.peek()));
    if (more_y) return x_ended ? -1 : order::three_way(order::rank(a_.peek()), order::rank(kind::list));
    frames_.pop_back();
    if (x_ended && y_ended) return 0;
    if (!x_ended && !y_ended) return one();
    const kind other = x_ended ? b_.peek() : a_.peek();
    if (other == kind::nil) return (x_ended ? b_ : a_).read_nil(), 0;
    return x_ended ? order::three_way(order::rank(kind::nil), order::rank(other))
                   : order::three_way(order::rank(other), order::rank(kind::nil));
  }

  /// A byte of a string against the element at `other`.
  int byte_against(int byte, cursor& other) const {
    order::number left, right;
    order::set_number(left, static_cast<std::uint8_t>(byte));
    if (order::rank(other.peek()) != order::rank(kind::integer)) return -1;
    if (!order::read_number(other, right)) return 0;
    return order::compare_numbers(left, right, exact_);
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
    if (x != y) return order::three_way(x, y);
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
    return order::compare_bytes(raw(x), raw(y));
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
    if (x != y) return order::three_way(x, y);
    if (x != 0) frames_.push_back({frame::type::row, x});
    return 0;
  }

  int fun() {
    const bool x_exported = is_exported(a_), y_exported = is_exported(b_);
    if (x_exported != y_exported) return x_exported ? 1 : -1;
    if (x_exported) return order::compare_exported_funs(a_, b_);
    std::uint32_t free_variables;
    const int outcome = order::compare_local_funs(a_, b_, free_variables);
    if (free_variables != 0) frames_.push_back({frame::type::row, free_variables});
    return outcome;
  }
  static bool is_exported(const cursor& in) {
    return in.peek_tag() == static_cast<std::uint8_t>(tag::exported_fun);
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
    if (order::rank(x) != order::rank(y)) return order::three_way(order::rank(x), order::rank(y));
    switch (x) {
      case kind::integer:
      case kind::floating: {
        order::number left, right;
        if (!order::read_number(a_, left) || !order::read_number(b_, right)) return 0;
        return order::compare_numbers(left, right, exact_);
      }
      case kind::atom: {
        std::string_view left, right;
        if (!a_.read_atom(left) || !b_.read_atom(right)) return 0;
        return order::compare_text(left, right);
      }
      case kind::reference:
        return order::compare_references(a_, b_);
      case kind::fun:
        return fun();
      case kind::port:
        return order::compare_ports(a_, b_);
      case kind::pid:
        return order::compare_pids(a_, b_);
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
        return order::compare_bitstrings(a_, b_);
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
