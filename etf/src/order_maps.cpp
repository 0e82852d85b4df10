// SPDX-License-Identifier: MIT
// A walk over heads and leaves with a stack of its own. Of broken bytes no more is believed than could be
// there.
#include "order_maps.hpp"

#include <algorithm>

#include <coppice/etf/wire.hpp>

#include "order_leaves.hpp"

namespace coppice::etf::order {

bool map_index::build(bytes rest) {
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

void map_index::begin_element(const cursor& in) {
  if (open_.empty()) return;
  container& top = open_.back();
  --top.left;
  if (top.map == no_map) return;
  map_pair& pair = pairs_[maps_[top.map].first + top.taken / 2];
  (top.taken % 2 == 0 ? pair.key : pair.value) = in.rest().data();
  ++top.taken;
}

bool map_index::open(std::uint64_t elements, const cursor& in, std::size_t map) {
  if (elements > in.rest().size()) return false;
  if (elements != 0) open_.push_back({elements, map, 0});
  return true;
}

bool map_index::element(cursor& in) {
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

bool map_index::map(cursor& in) {
  const std::uint8_t* const start = in.rest().data();
  std::uint32_t count = 0;
  if (!in.read_map(count)) return false;
  if (count < 2) return open(std::uint64_t{count} * 2, in);
  if (!open(std::uint64_t{count} * 2, in, maps_.size())) return false;
  maps_.push_back({start, nullptr, pairs_.size(), count, false});
  pairs_.resize(pairs_.size() + count);
  return true;
}

bool map_index::fun(cursor& in) {
  if (in.peek_tag() != static_cast<std::uint8_t>(tag::new_fun)) return in.skip();
  std::uint32_t free_variables = 0;
  cursor other = in;
  if (compare_local_funs(in, other, free_variables) != 0) return false;
  return open(free_variables, in);
}

known_map* map_index::find(const std::uint8_t* start) {
  const auto found = within(start, start + 1);
  return found.empty() ? nullptr : found.data();
}

std::span<known_map> map_index::within(const std::uint8_t* from, const std::uint8_t* to) {
  const auto before = [](const known_map& map, const std::uint8_t* at) { return map.start < at; };
  const auto first = std::lower_bound(maps_.begin(), maps_.end(), from, before);
  const auto last = std::lower_bound(first, maps_.end(), to, before);
  return {first, last};
}

} // namespace coppice::etf::order
