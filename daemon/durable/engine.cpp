// SPDX-License-Identifier: MIT
// The writing side of the engine. Requests become records, the records are written by one write and one
// fsync, and only then the index changes. Any failure but the lack of room ends the log.
//
// Room for records is reserved ahead: the file is made longer in steps, so that most writes change no size.
// Otherwise each fsync would also commit the new size in the file system's journal, and all fsyncs of a file
// system wait for each other there. So the lack of room shows before anything is written, and what is
// reserved can be written to on a full disk. On a file system that cannot reserve, or that copies on write,
// the lack of room may show in the write itself: then the file is cut back and synced before any request is
// refused, so that no refused request can appear after a crash.
#include "durable/engine.hpp"

#include <algorithm>
#include <set>

namespace coppice::durable {
namespace {

constexpr std::size_t footer_overhead = 2 * record_head_size;

// Measured on ext4 with one to three writers: steps of 256 KiB are slower, and a whole segment at once is no
// faster, so a quiet log need not keep so many zeros.
constexpr std::uint64_t longest_step = std::uint64_t{1} << 20;

bool is_full(const base::status& of) {
  return !of && of.error().code == base::errc::limit;
}

} // namespace

engine::~engine() {
  close();
}

// Short segments have shorter steps, because the log's bound counts what is reserved.
std::uint64_t engine::reserve_step(const options& with) {
  return std::min<std::uint64_t>(longest_step, with.segment_bytes / 16);
}

std::uint64_t engine::reserve_end(const options& with, std::uint64_t size) {
  const std::uint64_t step = reserve_step(with);
  const std::uint64_t end = (size + step - 1) / step * step;
  return std::max<std::uint64_t>(size, std::min<std::uint64_t>(end, with.segment_bytes));
}

std::size_t engine::longest_start(const options& with) {
  return reserve_end(with, segment_head_size + longest_batch(with));
}

std::size_t engine::request_size(const request& of) {
  std::size_t size = record_head_size + longest_name; // the record with the group's name may precede it
  for (const change& one : of.changes) {
    size += record_head_size;
    if (const auto* const added = std::get_if<append>(&one)) size += added->one.bytes.size();
    if (const auto* const set = std::get_if<set_value>(&one)) size += set->key.size() + set->value.size();
  }
  return size;
}

// A fence breaks only here, once the outcomes are final: a request that did not fit at first may be carried
// out by the second attempt.
std::vector<base::status> engine::write(std::span<const request> requests) {
  auto out = write_batch(requests);
  for (std::size_t i = 0; i < requests.size(); ++i)
    if (!out[i] && requests[i].behind) requests[i].behind->is_broken = true;
  return out;
}

std::vector<base::status> engine::write_batch(std::span<const request> requests) {
  std::vector<base::status> out;
  if (!failure_ && !closed_) {
    if (full_) (void)keep_reserve();
    std::size_t coming = 0;
    for (const request& one : requests) coming += request_size(one);
    compact(coming);
    // Compaction may have used the reserve; that room is not for entries.
    auto done = failure_ ? base::status(unexpected(*failure_)) : write_once(requests, !full_, out);
    if (is_full(done)) {
      give_up_reserve();
      done = write_once(requests, false, out);
    }
    if (is_full(done)) done = unexpected(std::move(done.error()).context("the disk is full"));
    if (!done) out.assign(requests.size(), unexpected(std::move(done.error())));
    return out;
  }
  if (failure_) out.assign(requests.size(), unexpected(*failure_));
  if (closed_) out.assign(requests.size(), base::fail(base::errc::closed, "the log is closed"));
  return out;
}

void engine::tidy() {
  if (!failure_ && !closed_) compact(0);
}

base::status engine::write_once(std::span<const request> requests, bool takes_entries,
                                std::vector<base::status>& out) {
  out.clear();
  stage to(index_, takes_entries);
  std::set<const fence*> broken; // in this attempt
  std::unique_lock hold(mutex_);
  for (const request& one : requests) {
    const fence* const behind = one.behind.get();
    if (behind != nullptr && (behind->is_broken || broken.contains(behind))) {
      out.push_back(base::fail(base::errc::refused, "an earlier request of this writer was refused"));
      continue;
    }
    if (request_size(one) > longest_request()) {
      out.push_back(base::fail(base::errc::invalid, "the request is longer than a quarter of a segment"));
    } else {
      out.push_back(to.add(one));
    }
    if (!out.back() && behind != nullptr) broken.insert(behind);
  }
  hold.unlock();
  return to.records().empty() ? base::status{} : put(to.records());
}

std::uint64_t engine::footer_size(const std::vector<staged_record>& more) const {
  return footer_overhead + footer_item_size * (active_items_.size() + more.size());
}

base::status engine::put(std::vector<staged_record>& records) {
  std::uint64_t size = 0;
  for (const staged_record& one : records) size += one.size();
  if (active_ && segments_[*active_].size + size + footer_size(records) > options_.segment_bytes)
    if (auto sealed = seal(); !sealed) return sealed;
  const bool is_new = !active_;
  const std::uint64_t number = is_new ? next_segment_ : *active_;
  const std::uint64_t base = is_new ? 0 : segments_[number].size;
  const std::uint32_t seed = record_seed(id_, number);
  std::string bytes;
  bytes.reserve(size + segment_head_size);
  if (is_new) {
    const std::lock_guard hold(mutex_);
    bytes = encode_segment_head({id_, number, next_batch_, index_.next_group()});
  }
  std::vector<std::uint32_t> places;
  for (staged_record& one : records) {
    places.push_back(static_cast<std::uint32_t>(base + bytes.size()));
    one.head.batch = next_batch_;
    one.head.ends_batch = &one == &records.back();
    encode_record(bytes, seed, one.head, one.body());
  }
  if (is_new)
    if (auto made = create_active(); !made) return made;
  if (auto done = write_to_active(bytes, is_new ? part::first_batch : part::next_batch); !done) return done;
  ++next_batch_;
  apply(records, places);
  return {};
}

base::status engine::create_active() {
  auto made = disk_.open(path(next_segment_), access::create);
  if (!made) {
    const base::errc code = made.error().code;
    if (code == base::errc::limit || code == base::errc::refused) return unexpected(std::move(made.error()));
    return end(std::move(made.error()));
  }
  active_ = next_segment_++;
  active_items_.clear();
  reserves_steps_ = true;
  const std::lock_guard hold(mutex_);
  segments_[*active_] = {std::move(*made), 0, 0};
  return {};
}

// Removes the newest segment again; nothing in it was synced.
base::status engine::discard_active() {
  auto removed = disk_.remove(path(*active_));
  if (removed) removed = names_->sync();
  if (!removed) return end(std::move(removed.error()));
  --next_segment_;
  const std::lock_guard hold(mutex_);
  segments_.erase(*active_);
  active_.reset();
  return {};
}

base::status engine::write_to_active(const std::string& bytes, part what) {
  segment& to = segments_[*active_];
  const std::uint64_t size = to.size + bytes.size();
  auto done = reserve_room(to, size);
  if (done) {
    done = to.bytes->write(to.size, base::as_bytes(bytes));
    if (!done && !is_full(done)) return end(std::move(done.error()));
    if (!done)
      if (auto undone = cut_back(to); !undone) return undone;
  }
  if (is_full(done) && what == part::first_batch)
    if (auto discarded = discard_active(); !discarded) return discarded;
  if (!done) return done;
  // A closed segment has its records and nothing behind them.
  if (what == part::footer && to.length > size)
    if (auto cut = to.bytes->resize(size); !cut) return end(std::move(cut.error()));
  if (auto synced = to.bytes->sync(); !synced) return end(std::move(synced.error()));
  if (what == part::first_batch)
    if (auto synced = names_->sync(); !synced) return end(std::move(synced.error()));
  const std::lock_guard hold(mutex_);
  to.size = size;
  to.length = what == part::footer ? size : std::max(to.length, size);
  total_ += bytes.size();
  ++synced_;
  return {};
}

// Makes the file long enough for `size` bytes of records, and with it a step longer if there is room for
// that. errc::limit: there is not even room for the records; nothing was changed.
base::status engine::reserve_room(segment& of, std::uint64_t size) {
  if (size <= of.length) return {};
  auto done = make_longer(of, reserves_steps_ ? reserve_end(options_, size) : size);
  if (!is_full(done) || !reserves_steps_) return done;
  reserves_steps_ = false;
  return make_longer(of, size);
}

base::status engine::make_longer(segment& of, std::uint64_t length) {
  auto done = of.bytes->reserve(length);
  if (!done && done.error().code == base::errc::unsupported) return {}; // the write makes it longer
  if (is_full(done)) {
    // A part of the room may have been allocated. It is cut off again unsynced, since zeros do no harm.
    if (auto cut = of.bytes->resize(of.length); !cut) return end(std::move(cut.error()));
    return done;
  }
  if (!done) return end(std::move(done.error()));
  const std::lock_guard hold(mutex_);
  of.length = length;
  return {};
}

// Cuts off the bytes of a failed write. None of them was synced, and none may come back.
base::status engine::cut_back(segment& of) {
  auto done = of.bytes->resize(of.size);
  if (done) done = of.bytes->sync();
  if (!done) return end(std::move(done.error()));
  const std::lock_guard hold(mutex_);
  of.length = of.size;
  return {};
}

void engine::apply(const std::vector<staged_record>& records, const std::vector<std::uint32_t>& places) {
  const std::lock_guard hold(mutex_);
  for (std::size_t i = 0; i < records.size(); ++i) {
    ++active_items_[records[i].head.group];
    index_.apply(records[i].head, records[i].body(),
                 {*active_, places[i], static_cast<std::uint32_t>(records[i].size())});
  }
}

base::status engine::seal() {
  std::vector<footer_item> items;
  for (const auto& [group, count] : active_items_) items.push_back({group, count});
  segment& to = segments_[*active_];
  std::string bytes;
  encode_footer(bytes, to.size, record_seed(id_, *active_), next_batch_, items, true);
  if (auto done = write_to_active(bytes, part::footer); !done) return done;
  ++next_batch_;
  active_.reset();
  return {};
}

void engine::close() {
  if (!closed_ && !failure_ && active_) (void)seal(); // a segment without a footer is read as after a crash
  closed_ = true;
}

base::status engine::end(base::error why) {
  const std::lock_guard hold(mutex_);
  why.code = base::errc::system;
  failure_ = std::move(why).context("the log has ended");
  return unexpected(*failure_);
}

base::status engine::keep_reserve() {
  const std::uint64_t wanted = options_.segment_bytes / 2;
  auto done = [&]() -> base::status {
    auto kept = disk_.open(reserve_path(), access::write);
    if (!kept) kept = disk_.open(reserve_path(), access::create);
    if (!kept) return unexpected(std::move(kept.error()));
    const auto size = (*kept)->size();
    if (size && *size >= wanted) return {};
    auto reserved = (*kept)->reserve(wanted);
    if (reserved || reserved.error().code != base::errc::unsupported) return reserved;
    return (*kept)->write(0, base::as_bytes(std::string(wanted, '\0')));
  }();
  if (!done && done.error().code == base::errc::refused) return done; // too many open files, not a full disk
  if (!done) give_up_reserve();
  const std::lock_guard hold(mutex_);
  full_ = !done;
  return done;
}

void engine::give_up_reserve() {
  (void)disk_.remove(reserve_path()); // it may not be there
  const std::lock_guard hold(mutex_);
  full_ = true;
}

base::result<group_id> engine::group(const std::string& name) {
  if (name.empty() || name.size() > longest_name)
    return base::fail(base::errc::invalid, "a group's name has 1 to 255 bytes");
  const std::lock_guard hold(mutex_);
  if (const auto found = index_.find(name)) return *found;
  for (const damage& one : damages_)
    if (!one.all_groups_known)
      return base::fail(base::errc::invalid, "a group of this name may have been lost: " + one.text());
  for (const auto& [number, of] : index_.groups())
    if (of.name.empty())
      return base::fail(base::errc::invalid, "a group of this name may have been lost: " + of.damage);
  if (index_.next_group() > last_number)
    return base::fail(base::errc::limit, "the log has no number left for another group");
  return index_.add_group(name);
}

} // namespace coppice::durable
