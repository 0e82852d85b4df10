// SPDX-License-Identifier: MIT
// Erlang's term order over encoded bytes. Two cursors walk the terms in step; a stack of frames remembers the
// containers that are open, so that nesting costs no machine stack.
//
// A map is compared by its sorted keys, then by its values; it is sorted once for that (maps.hpp). Keys that
// are or contain maps need those maps sorted first. Such maps come after the map that contains them, so maps
// are sorted from the last to the first, and a comparison of keys never starts another sort. Two keys are
// compared as far as they are equal, which takes at most the bytes of the shorter one. Summed over all maps,
// at any nesting, the cost is the size of the term times the square of its logarithm.
//
// Within keys of maps, numbers are ordered exactly: 1 is not 1.0, integers come before floats.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/order/leaves.hpp>
#include <coppice/etf/order/maps.hpp>

namespace coppice::etf::order {

/// A list in any encoding: STRING_EXT, LIST_EXT, or one as the tail of the other.
struct list_walk {
  bytes text{};
  std::uint32_t left = 0;

  /// Moves to the next element. True: it is `byte` if `byte` >= 0, else it is at `in`. False: the tail is at
  /// `in`, or was [] if `ended`.
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
  bool was_text = false; ///< the last byte of a STRING_EXT was given; its tail is []
};

struct frame {
  enum class type : std::uint8_t { row, list, pair, map } what;
  bool exact;             ///< how numbers in it are compared, except in keys
  std::uint64_t left = 0; ///< terms left of a tuple, a fun or a pair
  list_walk a_list{}, b_list{};
  std::size_t map_at = 0; ///< keys first, then values: 0 to twice their number
  const known_map* a_map = nullptr;
  const known_map* b_map = nullptr;
};

class comparer {
 public:
  /// Maps of several pairs are looked up there. For a `sorting` comparer all of them are known and sorted.
  comparer(map_index& a_maps, map_index& b_maps, bool sorting)
      : a_maps_(a_maps), b_maps_(b_maps), sorting_(sorting) {}

  int run(bytes a, bytes b, bool exact) {
    a_ = cursor(a);
    b_ = cursor(b);
    a_stop_ = a.data() + a.size();
    b_stop_ = b.data() + b.size();
    exact_ = exact;
    broken_ = false;
    frames_.clear();
    int order = one();
    while (order == 0 && !frames_.empty() && !broken_) order = next();
    return order;
  }

 private:
  int next() {
    frame& top = frames_.back();
    exact_ = top.exact;
    switch (top.what) {
      case frame::type::row:
        if (top.left == 0) return frames_.pop_back(), 0;
        --top.left;
        return one();
      case frame::type::list:
        return cell(top);
      case frame::type::pair:
        if (top.left == 0) return frames_.pop_back(), 0;
        exact_ = exact_ || top.left == 2; // a key
        --top.left;
        return one();
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

  /// Compares a byte of a string with the element at `other`.
  int byte_against(int byte, cursor& other) const {
    order::number left, right;
    order::set_number(left, static_cast<std::uint8_t>(byte));
    if (order::rank(other.peek()) != order::rank(kind::integer)) return -1;
    if (!order::read_number(other, right)) return 0;
    return order::compare_numbers(left, right, exact_);
  }

  int pair(frame& top) {
    const std::size_t count = top.a_map->count;
    if (top.map_at == count * 2) {
      a_ = cursor({top.a_map->end, a_stop_});
      b_ = cursor({top.b_map->end, b_stop_});
      frames_.pop_back();
      return 0;
    }
    const bool keys = top.map_at < count;
    const std::size_t index = keys ? top.map_at : top.map_at - count;
    ++top.map_at;
    const map_pair& x = a_maps_.pairs(*top.a_map)[index];
    const map_pair& y = b_maps_.pairs(*top.b_map)[index];
    a_ = cursor({keys ? x.key : x.value, a_stop_});
    b_ = cursor({keys ? y.key : y.value, b_stop_});
    exact_ = exact_ || keys;
    return one();
  }

  int map() {
    const std::uint8_t* const x_start = a_.rest().data();
    const std::uint8_t* const y_start = b_.rest().data();
    std::uint32_t x, y;
    if (!a_.read_map(x) || !b_.read_map(y)) return 0;
    if (x != y) return order::three_way(x, y);
    if (x == 0) return 0;
    frame made{x == 1 ? frame::type::pair : frame::type::map, exact_, 2};
    if (x > 1) {
      made.a_map = sorted(a_maps_, {x_start, a_stop_});
      made.b_map = sorted(b_maps_, {y_start, b_stop_});
      if (made.a_map == nullptr || made.b_map == nullptr) return broken_ = true, 0;
    }
    frames_.push_back(made);
    return 0;
  }

  /// The map at the start of `rest`. The maps of an index are inside one another: a map that is not among
  /// them comes after them all, and they are no longer needed.
  const known_map* sorted(map_index& maps, bytes rest) const {
    known_map* found = maps.find(rest.data());
    if (sorting_) return found != nullptr && found->sorted ? found : nullptr;
    if (found == nullptr && maps.build(rest)) found = maps.find(rest.data());
    if (found != nullptr && !found->sorted) sort(maps, *found);
    return found;
  }

  static void sort(map_index& maps, known_map& wanted) {
    comparer by_key(maps, maps, true);
    const auto sort_one = [&](known_map& map) {
      if (std::exchange(map.sorted, true)) return;
      const auto pairs = maps.pairs(map);
      // A stable sort stays inside its range even if invalid bytes have no order.
      std::stable_sort(pairs.begin(), pairs.end(), [&](const map_pair& x, const map_pair& y) {
        return by_key.run({x.key, maps.stop()}, {y.key, maps.stop()}, true) < 0;
      });
    };
    for (const map_pair& pair : maps.pairs(wanted)) {
      const auto inside = maps.within(pair.key, pair.value);
      std::for_each(inside.rbegin(), inside.rend(), sort_one);
    }
    sort_one(wanted);
  }

  int tuple() {
    std::uint32_t x, y;
    if (!a_.read_tuple(x) || !b_.read_tuple(y)) return 0;
    if (x != y) return order::three_way(x, y);
    if (x != 0) frames_.push_back({frame::type::row, exact_, x});
    return 0;
  }

  int fun() {
    const bool x_exported = is_exported(a_), y_exported = is_exported(b_);
    if (x_exported != y_exported) return x_exported ? 1 : -1;
    if (x_exported) return order::compare_exported_funs(a_, b_);
    std::uint32_t free_variables;
    const int outcome = order::compare_local_funs(a_, b_, free_variables);
    if (free_variables != 0) frames_.push_back({frame::type::row, exact_, free_variables});
    return outcome;
  }
  static bool is_exported(const cursor& in) {
    return in.peek_tag() == static_cast<std::uint8_t>(tag::exported_fun);
  }

  /// Compares one term on each side. If no bytes were consumed they are not a term, and the comparison ends:
  /// a count in invalid bytes could promise too many elements.
  int one() {
    a_.skip_empty_heads();
    b_.skip_empty_heads();
    const std::size_t x = a_.offset(), y = b_.offset(), depth = frames_.size();
    const int order = head();
    broken_ = broken_ || (order == 0 && frames_.size() == depth && (a_.offset() == x || b_.offset() == y));
    return order;
  }

  int list() {
    const auto is_whole = [](cursor at) {
      bytes text;
      std::uint32_t length;
      return at.read_string(text) || at.read_list(length);
    };
    if (is_whole(a_) && is_whole(b_)) frames_.push_back({frame::type::list, exact_});
    return 0;
  }

  /// Compares the heads or leaves at both cursors and opens frames for containers.
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

  map_index& a_maps_;
  map_index& b_maps_;
  bool sorting_;
  cursor a_, b_;
  const std::uint8_t* a_stop_ = nullptr;
  const std::uint8_t* b_stop_ = nullptr;
  bool exact_ = false;
  bool broken_ = false;
  std::vector<frame> frames_;
};

inline bool same_bytes(bytes a, bytes b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

/// `exact`: for =:=, else for <, == and >.
inline int compare_terms(bytes a, bytes b, bool exact) {
  if (same_bytes(a, b)) return 0;
  map_index a_maps, b_maps;
  return comparer(a_maps, b_maps, false).run(a, b, exact);
}

} // namespace coppice::etf::order
