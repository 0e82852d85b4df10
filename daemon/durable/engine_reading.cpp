// SPDX-License-Identifier: MIT
// The reading side of the engine, for any thread: groups, values, entries. Places are looked up under the
// mutex, and files are read without it; a segment that is removed meanwhile stays readable through its open
// file.
#include <algorithm>

#include "durable/engine.hpp"

namespace coppice::durable {
namespace {

// Entries of a group that lie near one another are read at once: a group that appends alone has them side by
// side, and a call to the system for each of a million of them takes longer than to copy them.
constexpr std::uint32_t longest_gap = 4096;       // between two entries, bytes that are read in vain
constexpr std::uint32_t longest_run = 256 * 1024; // an entry that is longer is read alone

struct wanted_entry {
  entry_place place;
  std::shared_ptr<file> from;
};

// The entries at the front of `of`, at least one, that one read gets.
std::span<const wanted_entry> first_run(std::span<const wanted_entry> of) {
  const place& first = of.front().place.at;
  std::uint64_t end = std::uint64_t{first.offset} + first.size;
  std::size_t length = 1;
  for (; length < of.size(); ++length) {
    const place& next = of[length].place.at;
    const std::uint64_t next_end = std::uint64_t{next.offset} + next.size;
    if (next.segment != first.segment || next.offset < end || next.offset - end > longest_gap ||
        next_end - first.offset > longest_run)
      break;
    end = next_end;
  }
  return of.first(length);
}

// Reads the run into the front of `room`, which grows if it is too short. Returns the number of bytes.
base::result<std::size_t> read_run(std::span<const wanted_entry> run, std::vector<std::uint8_t>& room) {
  const std::uint64_t from = run.front().place.at.offset;
  const place& last = run.back().place.at;
  const std::size_t size = std::uint64_t{last.offset} + last.size - from;
  if (room.size() < size) room.resize(size);
  return run.front().from->read(from, std::span(room).first(size));
}

// The bytes of this entry's record in `all`, which begins at the offset `from`. Fewer: the file ends before.
base::bytes_span record_in(base::bytes_span all, std::uint64_t from, const place& at) {
  const std::size_t begin = std::min<std::size_t>(at.offset - from, all.size());
  return all.subspan(begin, std::min<std::size_t>(at.size, all.size() - begin));
}

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
  std::vector<wanted_entry> places;
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
  out.reserve(places.size());
  std::vector<std::uint8_t> room;
  bool one_by_one = false;
  for (std::span<const wanted_entry> rest = places; !rest.empty();) {
    std::span<const wanted_entry> run = one_by_one ? rest.first(1) : first_run(rest);
    auto got = read_run(run, room);
    if (!got && run.size() > 1) {
      // The disk may have lost what lies between the entries.
      one_by_one = true;
      continue;
    }
    if (!got) return unexpected(got.error());
    const base::bytes_span all = base::bytes_span(room).first(*got);
    const std::uint64_t begin = run.front().place.at.offset;
    for (const wanted_entry& one : run) {
      const place& at = one.place.at;
      const std::uint32_t seed = record_seed(id_, at.segment);
      const base::bytes_span bytes = record_in(all, begin, at);
      const auto found = decode_head(bytes, seed);
      if (!found || !has_right_body(*found, bytes.subspan(record_head_size), seed)) {
        const damage hurt{path(at.segment), at.offset, at.size, "the record's checksum is wrong",
                          {group},          true};
        const std::lock_guard hold(mutex_);
        if (const auto of = index_.groups().find(group);
            of != index_.groups().end() && of->second.damage.empty())
          of->second.damage = hurt.text();
        return base::fail(base::errc::invalid, hurt.text());
      }
      out.push_back(
          {from + out.size(), one.place.term, std::string(base::as_text(bytes.subspan(record_head_size)))});
    }
    rest = rest.subspan(run.size());
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
