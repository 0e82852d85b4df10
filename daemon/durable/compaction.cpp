// SPDX-License-Identifier: MIT
// Compaction. The live records of the oldest segment are copied to the log's end, and then the segment is
// removed. Compaction begins when the segments together are longer than one and a half times the live bytes
// plus one segment. It then copies a quarter of a segment with each batch, so that it seldom has to do
// everything at once to keep the bound: the segments take at most twice the live bytes plus one and a half
// segments, including the copy of the oldest segment while both exist, and the room that is reserved in the
// newest one. The file `reserve` is the last half segment of the bound that the README names. Only the oldest
// segment is removed, and the folder is synced before the next removal, so the meaning of an older record
// never depends on a newer one that is gone. While damage stops a group, no segment is removed.
#include <algorithm>

#include "durable/engine.hpp"

namespace coppice::durable {

bool engine::is_held() const {
  return std::ranges::any_of(damages_, [](const damage& one) { return !one.all_groups_known; }) ||
         std::ranges::any_of(index_.groups(), [](const auto& one) { return !one.second.damage.empty(); });
}

// The most bytes by which the segments grow until a round over the segments below `end` makes them shorter.
// Looking at the oldest segment is not enough: it may be short, and the next one long and full of live
// records.
std::uint64_t engine::room_to_compact(std::uint64_t end) const {
  std::uint64_t most = 0;
  std::uint64_t copied = 0;
  std::uint64_t removed = 0;
  for (const auto& [number, of] : segments_) {
    if (number >= end || number == active_) break;
    copied += index_.live_bytes(number);
    if (copied > removed) most = std::max(most, copied - removed);
    removed += of.size;
  }
  return most;
}

void engine::compact(std::uint64_t coming) {
  const std::uint64_t newest_now = next_segment_;
  for (bool first = true; !failure_; first = false) {
    if (segments_.empty()) return;
    const auto& [oldest, of] = *segments_.begin();
    // A second round over all segments would gain nothing. The newest segment always stays: it tells the next
    // start which group numbers are used up.
    if (oldest + 1 >= newest_now || oldest == active_) return;
    const std::uint64_t live = index_.live_bytes();
    const std::uint64_t total = total_ + coming + reserve_step(options_);
    const bool is_dead = index_.live_bytes(oldest) == 0;
    const bool may = total > live + live / 2 + options_.segment_bytes;
    const std::uint64_t bound = 2 * live + options_.segment_bytes + options_.segment_bytes / 2;
    const bool is_near = total + options_.segment_bytes > bound;
    const bool must = is_near && total + room_to_compact(newest_now) > bound;
    const bool is_worth = full_ && index_.live_bytes(oldest) * 2 <= of.size;
    if (!is_dead && !must && !is_worth && !(may && first && coming == 0)) return;
    {
      const std::lock_guard hold(mutex_);
      if (is_held()) return;
    }
    const auto done = compact_some();
    if (!done || !*done) return;
  }
}

base::status engine::load_oldest(std::uint64_t oldest) {
  if (cursor_.segment == oldest) return {};
  auto content = read_all(*segments_.begin()->second.bytes);
  if (!content) return unexpected(std::move(content.error()));
  cursor_ = {oldest, segment_head_size, std::move(*content)};
  return {};
}

base::result<bool> engine::compact_some() {
  const std::uint64_t oldest = segments_.begin()->first;
  if (index_.live_bytes(oldest) == 0) {
    if (auto removed = remove_oldest(); !removed) return unexpected(std::move(removed.error()));
    return true;
  }
  if (auto loaded = load_oldest(oldest); !loaded) return unexpected(hold(0, loaded.error().text, 0).error());
  const auto bytes = base::as_bytes(cursor_.content.bytes);
  const std::uint32_t seed = record_seed(id_, oldest);
  std::vector<staged_record> anew;
  std::map<group_id, std::uint64_t> serials;
  std::uint64_t size = 0;
  std::uint64_t at = cursor_.offset;
  std::unique_lock guard(mutex_);
  const auto stop = [&](std::uint64_t where, const std::string& why, group_id group) {
    guard.unlock();
    return unexpected(hold(where, why, group).error());
  };
  while (at < bytes.size() && size < longest_request()) {
    const auto found = decode_head(bytes.subspan(at), seed);
    // Damage matters only if a live record is missing. That shows at the end of the segment.
    if (!found || found->length > bytes.size() - at - record_head_size) {
      at = next_head(bytes, at + 1, seed);
      continue;
    }
    const auto body = bytes.subspan(at + record_head_size, found->length);
    const place here{oldest, static_cast<std::uint32_t>(at),
                     static_cast<std::uint32_t>(record_head_size + found->length)};
    at += here.size;
    if (!has_right_body(*found, body, seed)) {
      if (!index_.is_needed(found->head, here)) continue;
      return stop(here.offset, "the record's checksum is wrong", found->head.group);
    }
    if (!index_.is_live(found->head, base::as_text(body), here)) continue;
    staged_record& copy = anew.emplace_back();
    copy.head = found->head;
    std::uint64_t& serial =
        serials.try_emplace(copy.head.group, index_.find(copy.head.group)->serial).first->second;
    copy.head.serial = ++serial;
    copy.borrowed = base::as_text(body);
    size += here.size;
  }
  if (anew.empty()) {
    const std::string& problem = cursor_.content.problem;
    return stop(segment_head_size, problem.empty() ? "records that are needed are missing" : problem, 0);
  }
  guard.unlock();
  if (auto done = put(anew); !done) {
    if (done.error().code == base::errc::limit) give_up_reserve();
    return unexpected(std::move(done.error()));
  }
  cursor_.offset = at;
  guard.lock();
  compacted_ += size;
  return true;
}

// The compaction has found damage: this segment and all later ones are kept.
base::status engine::hold(std::uint64_t offset, const std::string& why, group_id group) {
  const std::lock_guard guard(mutex_);
  const std::uint64_t oldest = segments_.begin()->first;
  damage found{path(oldest), offset, 0, why, {}, group != 0};
  if (const auto of = index_.groups().find(group); of != index_.groups().end()) {
    found.groups.push_back(group);
    if (of->second.damage.empty()) of->second.damage = found.text();
  }
  damages_.push_back(found);
  return base::fail(base::errc::invalid, found.text());
}

base::status engine::remove_oldest() {
  const std::uint64_t oldest = segments_.begin()->first;
  auto done = disk_.remove(path(oldest));
  if (done) done = names_->sync();
  if (!done) return end(std::move(done.error()));
  const std::lock_guard hold(mutex_);
  cursor_ = {};
  total_ -= segments_.begin()->second.size;
  segments_.erase(segments_.begin());
  index_.forget_segment(oldest);
  return {};
}

} // namespace coppice::durable
