// SPDX-License-Identifier: MIT
// How the engine opens a folder: it takes the lock, reads the identity and all segments once, and repairs the
// newest segment. The repair cuts the torn tail and the reserved room, writes the last batch once more (after
// an fsync that failed in an earlier run it may be in the page cache only, where a second fsync would not
// write it), and adds a footer. The next record begins a new segment.
#include <fmt/format.h>

#include <algorithm>

#include "base/random.hpp"
#include "durable/engine.hpp"

namespace coppice::durable {

base::result<std::unique_ptr<engine>> engine::open(disk& on, const std::string& folder, const options& with) {
  constexpr std::uint32_t shortest = 4096;
  constexpr std::uint32_t longest = 1U << 30;
  if (with.segment_bytes < shortest || with.segment_bytes > longest)
    return base::fail(base::errc::invalid, "a segment has 4 KiB to 1 GiB");
  std::unique_ptr<engine> made(new engine(on, folder, with));
  if (auto started = made->start(); !started) {
    made->closed_ = true;
    return unexpected(std::move(started.error()).context("log " + folder));
  }
  return made;
}

base::status engine::start() {
  auto folder = disk_.open_folder(folder_);
  if (!folder) return unexpected(std::move(folder.error()));
  names_ = std::move(*folder);
  auto lock = disk_.lock(folder_ + "/lock");
  if (!lock) return unexpected(std::move(lock.error()));
  lock_ = std::move(*lock);
  auto id = read_identity(disk_, folder_);
  if (!id && id.error().code == base::errc::not_found) id = make_identity();
  if (!id) return unexpected(std::move(id.error()));
  id_ = *id;
  // An earlier run may have failed or died before it had synced the names of the identity and of the newest
  // segment.
  if (auto synced = names_->sync(); !synced) return synced;
  auto found = recover(disk_, folder_, id_, longest_start(options_));
  if (!found) return unexpected(std::move(found.error()));
  if (found->refusal) return unexpected(std::move(*found->refusal));
  if (found->newest)
    if (auto repaired = repair(*found->newest, found->next_batch); !repaired) return repaired;
  for (const segment_report& one : found->segments) {
    auto bytes = disk_.open(path(one.number), access::read);
    if (!bytes) return unexpected(std::move(bytes.error()));
    const auto size = (*bytes)->size();
    if (!size) return unexpected(size.error());
    segments_[one.number] = {std::move(*bytes), *size, *size};
    total_ += *size;
  }
  index_ = std::move(found->found);
  damages_ = std::move(found->damages);
  next_batch_ = found->next_batch + 1; // of the footer that repair() may have written
  next_segment_ = found->next_segment;
  // If there is no room for the reserve, entries are refused; opening still succeeds.
  auto kept = keep_reserve();
  if (kept || kept.error().code != base::errc::refused) return {};
  kept.error().code = base::errc::system;
  return kept;
}

base::result<identity> engine::make_identity() {
  const auto names = disk_.list(folder_);
  if (!names) return unexpected(names.error());
  for (const std::string& name : *names)
    if (segment_number(name))
      return base::fail(base::errc::invalid,
                        fmt::format("{}/identity is missing, and segments are there", folder_));
  identity id;
  base::random_bytes(id);
  const std::string fresh = folder_ + "/identity.new";
  (void)disk_.remove(fresh); // a crash may have left it
  auto made = disk_.open(fresh, access::create);
  if (!made) return unexpected(std::move(made.error()));
  base::status done = (*made)->write(0, base::as_bytes(encode_identity(id)));
  if (done) done = (*made)->sync();
  if (done) done = disk_.rename(fresh, folder_ + "/identity");
  if (!done) return unexpected(std::move(done.error()));
  return id;
}

base::status engine::repair(newest_segment& newest, std::uint64_t next_batch) {
  if (newest.is_unusable) {
    if (auto removed = disk_.remove(path(newest.number)); !removed) return removed;
    return names_->sync();
  }
  auto of = disk_.open(path(newest.number), access::write);
  if (!of) return unexpected(std::move(of.error()));
  const std::uint64_t size = newest.bytes.size();
  const auto write_at = [&](std::uint64_t at, std::string_view bytes) {
    auto done = (*of)->write(at, base::as_bytes(bytes));
    if (done || done.error().code != base::errc::limit) return done;
    (void)disk_.remove(reserve_path());
    return (*of)->write(at, base::as_bytes(bytes));
  };
  // The disk may be full, and the footer fits into the reserved room. So the file is cut behind the footer.
  const bool has_room = !newest.closed && newest.torn == 0 && newest.reserved > 0;
  base::status done;
  if (!has_room && newest.torn + newest.reserved > 0) done = (*of)->resize(size);
  // A batch of which only a part is left ends there from now on. Otherwise, if a crash hit the footer, the
  // footer's bytes would be taken for a part of that batch, and the footer's end record would prove that they
  // had been synced.
  if (newest.unended_at) mark_end_of_batch(newest.bytes, *newest.unended_at, record_seed(id_, newest.number));
  if (done)
    done = write_at(newest.last_batch_at, std::string_view(newest.bytes).substr(newest.last_batch_at));
  if (done) done = (*of)->sync();
  // The footer is a batch of its own: once it is there, the batch before it is known to be synced.
  if (done && !newest.closed) {
    std::string footer;
    encode_footer(footer, size, record_seed(id_, newest.number), next_batch, newest.items,
                  !newest.has_damage);
    done = write_at(size, footer);
    if (done && has_room) done = (*of)->resize(size + footer.size());
    if (done) done = (*of)->sync();
  }
  return done;
}

} // namespace coppice::durable
