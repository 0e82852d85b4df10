// SPDX-License-Identifier: MIT
// The reading side of the engine, for any thread: groups, values, entries. Places are looked up under the
// mutex, and files are read without it; a segment that is removed meanwhile stays readable through its open
// file.
#include <algorithm>

#include "durable/engine.hpp"

namespace coppice::durable {
namespace {

group_report report_of(group_id id, const group_state& of) {
  return {id, of.name, of.first, of.last(), of.term_before_first, of.damage};
}

} // namespace

std::vector<group_report> engine::groups() const {
  const std::lock_guard hold(mutex_);
  std::vector<group_report> out;
  for (const auto& [number, of] : index_.groups())
    if (of.serial > 0 || !of.damage.empty()) out.push_back(report_of(number, of));
  return out;
}

std::optional<group_report> engine::report(group_id group) const {
  const std::lock_guard hold(mutex_);
  const group_state* const of = index_.find(group);
  if (of == nullptr) return std::nullopt;
  return report_of(group, *of);
}

std::optional<std::string> engine::value(group_id group, const std::string& key) const {
  const std::lock_guard hold(mutex_);
  const group_state* const of = index_.find(group);
  if (of == nullptr) return std::nullopt;
  const auto found = of->values.find(key);
  if (found == of->values.end()) return std::nullopt;
  return found->second.bytes;
}

std::vector<std::pair<std::string, std::string>> engine::values(group_id group) const {
  const std::lock_guard hold(mutex_);
  std::vector<std::pair<std::string, std::string>> out;
  const group_state* const of = index_.find(group);
  if (of == nullptr) return out;
  out.reserve(of->values.size());
  for (const auto& [key, value] : of->values) out.emplace_back(key, value.bytes);
  return out;
}

std::optional<std::uint64_t> engine::term_at(group_id group, std::uint64_t index) const {
  const std::lock_guard hold(mutex_);
  const group_state* const of = index_.find(group);
  if (of == nullptr || index < of->first || index > of->last()) {
    if (of != nullptr && index + 1 == of->first && index > 0) return of->term_before_first;
    return std::nullopt;
  }
  return of->entries[index - of->first].term;
}

base::result<std::vector<entry>> engine::read(group_id group, std::uint64_t from, std::size_t max_bytes) {
  struct wanted {
    entry_place place;
    std::shared_ptr<file> from;
  };
  std::vector<wanted> places;
  {
    const std::lock_guard hold(mutex_);
    const group_state* const of = index_.find(group);
    if (of == nullptr) return base::fail(base::errc::not_found, "there is no such group");
    if (!of->damage.empty()) return base::fail(base::errc::invalid, "the group is stopped: " + of->damage);
    if (from < of->first) return base::fail(base::errc::not_found, "the entry was cut off");
    std::size_t size = 0;
    for (std::uint64_t at = from; at <= of->last(); ++at) {
      const entry_place& one = of->entries[at - of->first];
      size += one.at.size;
      if (!places.empty() && size > max_bytes) break;
      places.push_back({one, segments_.at(one.at.segment).bytes});
    }
  }
  std::vector<entry> out;
  std::vector<std::uint8_t> bytes;
  for (const wanted& one : places) {
    const place& at = one.place.at;
    bytes.resize(at.size);
    const auto got = one.from->read(at.offset, bytes);
    if (!got) return unexpected(got.error());
    const std::uint32_t seed = record_seed(id_, at.segment);
    const auto found = decode_head(base::bytes_span(bytes).first(*got), seed);
    if (!found ||
        !has_right_body(*found, base::bytes_span(bytes).first(*got).subspan(record_head_size), seed)) {
      const damage hurt{path(at.segment), at.offset, at.size, "the record's checksum is wrong",
                        {group},          true};
      const std::lock_guard hold(mutex_);
      if (const auto of = index_.groups().find(group);
          of != index_.groups().end() && of->second.damage.empty())
        of->second.damage = hurt.text();
      return base::fail(base::errc::invalid, hurt.text());
    }
    out.push_back({from + out.size(), one.place.term,
                   std::string(base::as_text(base::bytes_span(bytes).subspan(record_head_size)))});
  }
  return out;
}

std::vector<damage> engine::damages() const {
  const std::lock_guard hold(mutex_);
  return damages_;
}

log_report engine::report() const {
  const std::lock_guard hold(mutex_);
  log_report out;
  out.id = id_;
  out.segments = segments_.size();
  out.bytes = total_;
  for (const auto& [number, of] : segments_) out.bytes += of.length - of.size;
  out.live_bytes = index_.live_bytes();
  out.synced = synced_;
  out.compacted = compacted_;
  out.is_full = full_;
  out.is_held = is_held();
  out.failure = failure_;
  return out;
}

} // namespace coppice::durable
