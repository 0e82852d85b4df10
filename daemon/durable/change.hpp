// SPDX-License-Identifier: MIT
// The changes that may be written to a group of the durable log. A group is a log of entries whose indices
// have no gaps and which can be cut at both ends, with keyed values beside it. Plain values that are copied
// freely.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace coppice::durable {

// Number of a group within its log's folder. A number is never given to a second group.
using group_id = std::uint64_t;

struct entry {
  std::uint64_t index = 0; // from 1 on
  std::uint64_t term = 0;  // kept by the writer, so that it can find the term without reading the entry
  std::string bytes;
};

// `one.index` has to be the group's last index plus one.
struct append {
  entry one;
};
// A key of at most 255 bytes. An empty value removes it.
struct set_value {
  std::string key;
  std::string value;
};
// Removes the entries after `index`, which is at least the first entry's index minus one.
struct cut_after {
  std::uint64_t index = 0;
};
// Removes the entries before `index`, which a snapshot has replaced. `index` may lie beyond all entries; then
// the group is empty, and its next entry has that index. `term` is kept as the term of the entry just before
// `index`.
struct cut_before {
  std::uint64_t index = 0;
  std::uint64_t term = 0;
};
// Removes the group with all its entries and values, also if it is stopped for damage. Its number is not used
// again.
struct remove_group {};

using change = std::variant<append, set_value, cut_after, cut_before, remove_group>;

// Shared by requests of which each one makes sense only behind the ones before it. Once one of them is
// refused, the fence is broken, and every later one is refused too. A writer makes its changes from what it
// has submitted, before it hears of a refusal; the log alone would see in many cases that they do not fit,
// but not in all. The writer makes the fence and leaves it to the log's thread.
struct fence {
  bool is_broken = false;
};

// Changes of one group. They are carried out in this order; if the request is refused, none is. A crash
// before the request is acknowledged may leave some first part of them. When the disk is full, requests with
// entries are refused; others are still carried out, also if they were submitted later, unless they share the
// fence of a request that was refused.
struct request {
  group_id group = 0;
  std::vector<change> changes;
  std::shared_ptr<fence> behind = {}; // null: the request does not depend on earlier ones
};

} // namespace coppice::durable
