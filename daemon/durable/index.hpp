// SPDX-License-Identifier: MIT
// The state that the log's records add up to: the groups, their entries and values, and the place of each
// live record. Records are applied in the order in which they lie in the segments, both while the log runs
// and when it is read again. A record is live while a place in the index points at it. Not synchronised: the
// engine locks.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "durable/format.hpp"

namespace coppice::durable {

// Place of a record in the segments. `size`: bytes of head and body. 0: no place.
struct place {
  std::uint64_t segment = 0;
  std::uint32_t offset = 0;
  std::uint32_t size = 0;

  bool operator==(const place&) const = default;
};

struct entry_place {
  place at;
  std::uint64_t term = 0;
};

struct kept_value {
  std::string bytes;
  place at;
};

struct group_state {
  std::string name; // empty: the record with the name was not read
  place name_at;
  std::uint64_t serial = 0; // of the newest record. 0: no record is written
  std::uint64_t first = 1;  // index of the first entry that is kept. Without entries: index of the next one
  std::uint64_t term_before_first = 0;
  place first_at;
  std::deque<entry_place> entries; // from `first` on
  std::map<std::string, kept_value> values;
  // While a log is read: entries that came before their predecessors.
  std::map<std::uint64_t, entry_place> loose;
  // Why the group's content is no longer trusted. Empty: it is trusted.
  std::string damage;

  std::uint64_t last() const { return first + entries.size() - 1; }
};

class group_index {
 public:
  std::map<std::uint64_t, group_state>& groups() { return groups_; }
  const std::map<std::uint64_t, group_state>& groups() const { return groups_; }
  const group_state* find(std::uint64_t group) const;
  std::optional<std::uint64_t> find(const std::string& name) const;

  // Returns a number for a new group. No record is written yet.
  std::uint64_t add_group(const std::string& name);
  void forget_group(std::uint64_t group);

  void apply(const record& head, std::string_view body, const place& at);
  // Called when all segments are read: puts the loose entries into their places. A group whose entries have
  // gaps, or that has no name, is marked as damaged.
  void settle();

  bool is_live(const record& head, std::string_view body, const place& at) const;
  // As is_live(), for a record whose body cannot be trusted.
  bool is_needed(const record& head, const place& at) const;
  std::uint64_t live_bytes() const { return live_; }
  std::uint64_t live_bytes(std::uint64_t segment) const;
  void forget_segment(std::uint64_t segment) { live_in_.erase(segment); }

  std::uint64_t next_group() const { return next_group_; }
  void at_least_next_group(std::uint64_t number);

 private:
  void keep(place& slot, const place& at);
  void drop(place& slot);
  void put_entry(group_state& of, std::uint64_t index, const entry_place& entry);
  void cut_after(group_state& of, std::uint64_t index);
  void cut_before(group_state& of, std::uint64_t index);
  void settle(group_state& of);

  std::map<std::uint64_t, group_state> groups_;
  std::unordered_map<std::string, std::uint64_t> names_;
  std::unordered_map<std::uint64_t, std::uint64_t> live_in_;
  std::uint64_t live_ = 0;
  std::uint64_t next_group_ = 1;
};

} // namespace coppice::durable
