// SPDX-License-Identifier: MIT
// Applies records to the index. A record that compaction has copied is applied in the same way as the first
// time: it has the same content, and only its place changes. So entries may come in any order while a log is
// read.
#include "durable/index.hpp"

#include <algorithm>

namespace coppice::durable {

const group_state* group_index::find(std::uint64_t group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? nullptr : &found->second;
}

std::optional<std::uint64_t> group_index::find(const std::string& name) const {
  const auto found = names_.find(name);
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

std::uint64_t group_index::add_group(const std::string& name) {
  const std::uint64_t number = next_group_++;
  groups_[number].name = name;
  names_[name] = number;
  return number;
}

void group_index::forget_group(std::uint64_t group) {
  const auto found = groups_.find(group);
  if (found == groups_.end()) return;
  group_state& of = found->second;
  drop(of.name_at);
  drop(of.first_at);
  for (entry_place& one : of.entries) drop(one.at);
  for (auto& [number, one] : of.loose) drop(one.at);
  for (auto& [key, one] : of.values) drop(one.at);
  if (const auto named = names_.find(of.name); named != names_.end() && named->second == group)
    names_.erase(named);
  groups_.erase(found);
}

void group_index::apply(const record& head, std::string_view body, const place& at) {
  at_least_next_group(head.group + 1);
  if (head.what == kind::remove) return forget_group(head.group);
  group_state& of = groups_[head.group];
  of.serial = head.serial;
  if (head.index > last_index) return; // no writer has made such an entry
  switch (head.what) {
    case kind::create:
      of.name = body;
      names_[of.name] = head.group;
      keep(of.name_at, at);
      break;
    case kind::entry:
      put_entry(of, head.index, {at, head.term});
      break;
    case kind::value: {
      if (head.index > body.size()) break;
      const std::string key(body.substr(0, head.index));
      kept_value& slot = of.values[key];
      slot.bytes = body.substr(head.index);
      keep(slot.at, at);
      if (!slot.bytes.empty()) break;
      drop(slot.at);
      of.values.erase(key);
      break;
    }
    case kind::cut_after:
      cut_after(of, head.index);
      break;
    case kind::cut_before:
      cut_before(of, head.index);
      of.term_before_first = head.term;
      keep(of.first_at, at);
      break;
    default:
      break;
  }
}

void group_index::put_entry(group_state& of, std::uint64_t at, const entry_place& entry) {
  if (at < of.first) return;
  const std::uint64_t end = of.first + of.entries.size();
  entry_place* slot = nullptr;
  if (at < end) {
    slot = &of.entries[at - of.first];
  } else if (at == end) {
    slot = &of.entries.emplace_back();
  } else {
    slot = &of.loose[at];
  }
  slot->term = entry.term;
  keep(slot->at, entry.at);
}

void group_index::cut_after(group_state& of, std::uint64_t at) {
  while (!of.entries.empty() && of.last() > at) {
    drop(of.entries.back().at);
    of.entries.pop_back();
  }
  while (!of.loose.empty() && of.loose.rbegin()->first > at) {
    drop(of.loose.rbegin()->second.at);
    of.loose.erase(std::prev(of.loose.end()));
  }
}

void group_index::cut_before(group_state& of, std::uint64_t at) {
  while (!of.entries.empty() && of.first < at) {
    drop(of.entries.front().at);
    of.entries.pop_front();
    ++of.first;
  }
  of.first = std::max(of.first, at);
  while (!of.loose.empty() && of.loose.begin()->first < at) {
    drop(of.loose.begin()->second.at);
    of.loose.erase(of.loose.begin());
  }
  settle(of);
}

void group_index::settle(group_state& of) {
  for (auto next = of.loose.begin(); next != of.loose.end() && next->first <= of.first + of.entries.size();
       next = of.loose.erase(next)) {
    if (next->first < of.first + of.entries.size()) {
      drop(next->second.at);
    } else {
      of.entries.push_back(next->second);
    }
  }
}

void group_index::settle() {
  for (auto& [number, of] : groups_) {
    settle(of);
    if (!of.damage.empty()) continue;
    if (!of.loose.empty()) {
      of.damage =
          "entry " + std::to_string(of.first + of.entries.size()) + " is missing, and later ones are there";
    } else if (of.name.empty()) {
      of.damage = "the record with its name is missing";
    }
  }
}

bool group_index::is_live(const record& head, std::string_view body, const place& at) const {
  const group_state* const of = find(head.group);
  if (of == nullptr) return false;
  switch (head.what) {
    case kind::create:
      return of->name_at == at;
    case kind::entry:
      return head.index >= of->first && head.index - of->first < of->entries.size() &&
             of->entries[head.index - of->first].at == at;
    case kind::value: {
      if (head.index > body.size()) return false;
      const auto found = of->values.find(std::string(body.substr(0, head.index)));
      return found != of->values.end() && found->second.at == at;
    }
    case kind::cut_before:
      return of->first_at == at;
    default:
      return false;
  }
}

bool group_index::is_needed(const record& head, const place& at) const {
  if (head.what != kind::value) return is_live(head, {}, at);
  const group_state* const of = find(head.group);
  return of != nullptr &&
         std::ranges::any_of(of->values, [&](const auto& one) { return one.second.at == at; });
}

std::uint64_t group_index::live_bytes(std::uint64_t segment) const {
  const auto found = live_in_.find(segment);
  return found == live_in_.end() ? 0 : found->second;
}

void group_index::at_least_next_group(std::uint64_t number) {
  next_group_ = std::max(next_group_, number);
}

void group_index::keep(place& slot, const place& at) {
  drop(slot);
  slot = at;
  live_ += at.size;
  live_in_[at.segment] += at.size;
}

void group_index::drop(place& slot) {
  if (slot.size == 0) return;
  live_ -= slot.size;
  live_in_[slot.segment] -= slot.size;
  slot = {};
}

} // namespace coppice::durable
