// SPDX-License-Identifier: MIT
// Finds the pairs of maps, so that a map can be compared in the order of its keys. One pass over a map finds
// the pairs of all maps inside it, at any depth, and each of those is sorted once, when it is first needed.
// Maps of one pair need neither and are left out. One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/order/leaves.hpp>
#include <coppice/etf/types.hpp>
#include <coppice/etf/wire.hpp>

namespace coppice::etf::order {

struct map_pair {
  const std::uint8_t* key = nullptr;
  const std::uint8_t* value = nullptr;
};

struct known_map {
  const std::uint8_t* start = nullptr;
  const std::uint8_t* end = nullptr;
  std::size_t first = 0; ///< index of its first pair
  std::uint32_t count = 0;
  bool sorted = false;
};

class map_index {
 public:
  /// Forgets the old map and reads the map at the start of `rest`. False: its bytes are not a term.
  bool build(bytes rest);
  /// The map of several pairs that begins there. Null: it is not inside the map that was read.
  known_map* find(const std::uint8_t* start);
  /// The maps that begin in [from, to), in the order of their bytes; an inner map comes after its outer one.
  std::span<known_map> within(const std::uint8_t* from, const std::uint8_t* to);
  std::span<map_pair> pairs(const known_map& of) { return std::span(pairs_).subspan(of.first, of.count); }
  /// The end of the bytes that were read.
  const std::uint8_t* stop() const { return stop_; }

 private:
  static constexpr std::size_t no_map = SIZE_MAX;
  struct container {
    std::uint64_t left;  ///< elements to come, including a list's tail
    std::size_t map;     ///< index in maps_
    std::uint64_t taken; ///< of a map: elements taken
  };

  bool element(cursor& in);
  bool fun(cursor& in);
  bool map(cursor& in);
  bool open(std::uint64_t elements, const cursor& in, std::size_t map = no_map);
  void begin_element(const cursor& in);

  std::vector<known_map> maps_;
  std::vector<map_pair> pairs_;
  std::vector<container> open_;
  const std::uint8_t* stop_ = nullptr;
};

inline bool map_index::build(bytes rest) {
  maps_.clear();
  pairs_.clear();
  open_.clear();
  stop_ = rest.data() + rest.size();
  cursor in(rest);
  do {
    begin_element(in);
    if (!element(in)) return maps_.clear(), false;
    while (!open_.empty() && open_.back().left == 0) {
      if (open_.back().map != no_map) maps_[open_.back().map].end = in.rest().data();
      open_.pop_back();
    }
  } while (!open_.empty());
  return true;
}

inline void map_index::begin_element(const cursor& in) {
  if (open_.empty()) return;
  container& top = open_.back();
  --top.left;
  if (top.map == no_map) return;
  map_pair& pair = pairs_[maps_[top.map].first + top.taken / 2];
  (top.taken % 2 == 0 ? pair.key : pair.value) = in.rest().data();
  ++top.taken;
}

inline bool map_index::open(std::uint64_t elements, const cursor& in, std::size_t map) {
  if (elements > in.rest().size()) return false;
  if (elements != 0) open_.push_back({elements, map, 0});
  return true;
}

inline bool map_index::element(cursor& in) {
  in.skip_empty_heads();
  std::uint32_t count = 0;
  switch (in.peek()) {
    case kind::tuple:
      return in.read_tuple(count) && open(count, in);
    case kind::list: {
      bytes text;
      if (in.read_string(text)) return true;
      return in.read_list(count) && open(std::uint64_t{count} + 1, in);
    }
    case kind::map:
      return map(in);
    case kind::fun:
      return fun(in);
    default:
      return in.skip();
  }
}

inline bool map_index::map(cursor& in) {
  const std::uint8_t* const start = in.rest().data();
  std::uint32_t count = 0;
  if (!in.read_map(count)) return false;
  if (count < 2) return open(std::uint64_t{count} * 2, in);
  if (!open(std::uint64_t{count} * 2, in, maps_.size())) return false;
  maps_.push_back({start, nullptr, pairs_.size(), count, false});
  pairs_.resize(pairs_.size() + count);
  return true;
}

inline bool map_index::fun(cursor& in) {
  if (in.peek_tag() != static_cast<std::uint8_t>(tag::new_fun)) return in.skip();
  std::uint32_t free_variables = 0;
  cursor other = in;
  if (compare_local_funs(in, other, free_variables) != 0) return false;
  return open(free_variables, in);
}

inline known_map* map_index::find(const std::uint8_t* start) {
  const auto found = within(start, start + 1);
  return found.empty() ? nullptr : found.data();
}

inline std::span<known_map> map_index::within(const std::uint8_t* from, const std::uint8_t* to) {
  const auto before = [](const known_map& map, const std::uint8_t* at) { return map.start < at; };
  const auto first = std::lower_bound(maps_.begin(), maps_.end(), from, before);
  const auto last = std::lower_bound(first, maps_.end(), to, before);
  return {first, last};
}

} // namespace coppice::etf::order
