// SPDX-License-Identifier: MIT
// Where the pairs of maps are, so that a map can be compared in the order of its keys: one pass over a map
// finds the pairs of all maps in it, however deep they lie, and each of them is sorted once, when it is first
// needed. Maps of one pair need neither and are left out. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/types.hpp>

namespace coppice::etf::order {

struct map_pair {
  const std::uint8_t* key = nullptr;
  const std::uint8_t* value = nullptr;
};

struct known_map {
  const std::uint8_t* start = nullptr;
  const std::uint8_t* end = nullptr;
  std::size_t first = 0; ///< of its pairs
  std::uint32_t count = 0;
  bool sorted = false;
};

class map_index {
 public:
  /// Forgets what it knew and looks through the map that `rest` begins with. False: its bytes are no term.
  bool build(bytes rest);
  /// The map of several pairs that begins there; null if it is not in the one that was looked through.
  known_map* find(const std::uint8_t* start);
  /// Those that begin in [from, to), in the order of their bytes: what lies in another comes behind it.
  std::span<known_map> within(const std::uint8_t* from, const std::uint8_t* to);
  std::span<map_pair> pairs(const known_map& of) { return std::span(pairs_).subspan(of.first, of.count); }
  /// The end of the bytes it was given.
  const std::uint8_t* stop() const { return stop_; }

 private:
  static constexpr std::size_t no_map = SIZE_MAX;
  struct container {
    std::uint64_t left;  ///< elements to come, a list's tail too
    std::size_t map;     ///< in maps_
    std::uint64_t taken; ///< of a map
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

} // namespace coppice::etf::order
