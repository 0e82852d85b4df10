// SPDX-License-Identifier: MIT
// What may be written to a group. A group is a log of entries with indices without gaps, which can be cut at
// both ends, and some values with keys beside it. Values, copied freely.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace coppice::durable {

// Of a group, in its log's folder; never given twice.
using group_id = std::uint64_t;

struct entry {
  std::uint64_t index = 0; // from 1 on
  std::uint64_t term = 0;  // whatever the writer wants to find without reading the entry
  std::string bytes;
};

// `one.index` has to be the group's last index and one.
struct append {
  entry one;
};
// A key of at most 255 bytes. An empty value removes it.
struct set_value {
  std::string key;
  std::string value;
};
// Entries behind `index` are gone. `index` is from the first index less one on.
struct cut_after {
  std::uint64_t index = 0;
};
// Entries in front of `index` are gone: a snapshot has them. It may lie behind all entries; then the group is
// empty, and `index` the next one's. `term` is kept: that of the entry in front of `index`.
struct cut_before {
  std::uint64_t index = 0;
  std::uint64_t term = 0;
};
// The group with all it has is gone, also one that is stopped for damage. Its number names nothing any more.
struct remove_group {};

using change = std::variant<append, set_value, cut_after, cut_before, remove_group>;

// Changes of one group, carried out in this order or, when refused, not at all. A crash before they are
// acknowledged may leave the first of them. When the disk runs full, requests with entries are refused and
// others still carried out, also those that were submitted later.
struct request {
  group_id group = 0;
  std::vector<change> changes;
};

} // namespace coppice::durable
