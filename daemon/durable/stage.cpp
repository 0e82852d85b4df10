// SPDX-License-Identifier: MIT
// Turns the changes of a request into records. The first record of a new group is preceded by the record with
// its name.
#include "durable/stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace coppice::durable {
namespace {

staged_record& add_record(std::vector<staged_record>& out, kind what, group_id group, std::uint64_t serial) {
  staged_record& made = out.emplace_back();
  made.head.what = what;
  made.head.group = group;
  made.head.serial = serial;
  return made;
}

} // namespace

base::result<stage::ahead> stage::find(group_id group) const {
  if (const auto changed = ahead_.find(group); changed != ahead_.end()) return changed->second;
  const group_state* const of = index_.find(group);
  if (of == nullptr) return base::fail(base::errc::not_found, fmt::format("there is no group {}", group));
  return ahead{of->serial, of->first, of->last(), false};
}

base::status stage::add(const request& one) {
  auto of = find(one.group);
  if (!of) return unexpected(std::move(of.error()));
  const group_state& now = *index_.find(one.group);
  std::vector<staged_record> made;
  if (of->serial == 0 && now.damage.empty())
    add_record(made, kind::create, one.group, ++of->serial).borrowed = now.name;
  for (const change& each : one.changes) {
    const bool removes = std::holds_alternative<remove_group>(each);
    if (of->is_gone) return base::fail(base::errc::not_found, fmt::format("group {} was removed", one.group));
    if (!removes && !now.damage.empty())
      return base::fail(base::errc::invalid, fmt::format("group {} is stopped: {}", now.name, now.damage));
    if (auto done = carry_out(each, one.group, *of, made); !done) return done;
  }
  ahead_[one.group] = *of;
  std::ranges::move(made, std::back_inserter(records_));
  return {};
}

base::status stage::carry_out(const change& one, group_id group, ahead& of,
                              std::vector<staged_record>& out) const {
  if (const auto* const added = std::get_if<append>(&one)) {
    if (!takes_entries_)
      return base::fail(base::errc::limit, "the disk is full: no entries are taken until there is room");
    if (added->one.index != of.last + 1)
      return base::fail(base::errc::invalid,
                        fmt::format("entry {} does not follow entry {}", added->one.index, of.last));
    if (of.last >= last_index)
      return base::fail(base::errc::invalid,
                        fmt::format("entry {} is the last that a log can have", of.last));
    staged_record& made = add_record(out, kind::entry, group, ++of.serial);
    made.head.index = ++of.last;
    made.head.term = added->one.term;
    made.borrowed = added->one.bytes;
  } else if (const auto* const set = std::get_if<set_value>(&one)) {
    if (set->key.empty() || set->key.size() > longest_name)
      return base::fail(base::errc::invalid, "a key has 1 to 255 bytes");
    staged_record& made = add_record(out, kind::value, group, ++of.serial);
    made.head.index = set->key.size();
    made.owned = set->key + set->value;
  } else if (const auto* const after = std::get_if<cut_after>(&one)) {
    if (after->index > last_index)
      return base::fail(base::errc::invalid, fmt::format("there is no entry {}", after->index));
    if (after->index + 1 < of.first)
      return base::fail(base::errc::invalid, fmt::format("entries behind {} cannot be cut: the first is {}",
                                                         after->index, of.first));
    add_record(out, kind::cut_after, group, ++of.serial).head.index = after->index;
    of.last = std::min(of.last, after->index);
  } else if (const auto* const before = std::get_if<cut_before>(&one)) {
    if (before->index > last_index)
      return base::fail(base::errc::invalid, fmt::format("there is no entry {}", before->index));
    if (before->index < of.first)
      return base::fail(base::errc::invalid,
                        fmt::format("entries before {} are gone: the first is {}", before->index, of.first));
    staged_record& made = add_record(out, kind::cut_before, group, ++of.serial);
    made.head.index = of.first = before->index;
    made.head.term = before->term;
    of.last = std::max(of.last, before->index - 1);
  } else {
    add_record(out, kind::remove, group, ++of.serial);
    of.is_gone = true;
  }
  return {};
}

} // namespace coppice::durable
