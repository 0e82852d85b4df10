// SPDX-License-Identifier: MIT
// Segments are written in order, so blocks are finished in order: counting the written bytes of the first
// block is enough. Inserted bytes have memory of their own, so the segments in blocks keep their order. The
// owning stream's thread.
#include "net/write_queue.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

namespace coppice::net {

namespace {

// bytes; enough for a stream that only shakes hands
constexpr std::size_t first_block = 1024;

} // namespace

void write_queue::append(base::bytes_span bytes) {
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (blocks_.empty() || blocks_.back().room() == 0) add_block(bytes.size());
    const base::bytes_span part = bytes.first(std::min(blocks_.back().room(), bytes.size()));
    std::memcpy(extend_last_block(part.size()), part.data(), part.size());
    bytes = bytes.subspan(part.size());
  }
}

std::span<std::uint8_t> write_queue::append_in_place(std::size_t size) {
  bytes_ += size;
  if (blocks_.empty() || blocks_.back().room() < size) add_block(size);
  return {extend_last_block(size), size};
}

void write_queue::add_block(std::size_t least) {
  const std::size_t capacity = std::max(blocks_.empty() ? first_block : block_size, least);
  blocks_.push_back({std::make_unique_for_overwrite<std::uint8_t[]>(capacity), capacity, 0, 0});
}

std::uint8_t* write_queue::extend_last_block(std::size_t size) {
  block& last = blocks_.back();
  std::uint8_t* const to = last.storage.get() + last.used;
  last.used += size;
  if (!segments_.empty() && segments_.back().release == nullptr &&
      segments_.back().data + segments_.back().size == to) {
    segments_.back().size += size;
  } else {
    segments_.push_back({to, size, nullptr, nullptr});
  }
  return to;
}

void write_queue::append_borrowed(base::bytes_span bytes, release_fn release, void* context) {
  if (bytes.size() < copy_below) {
    append(bytes);
    release(context);
    return;
  }
  segments_.push_back({bytes.data(), bytes.size(), release, context});
  bytes_ += bytes.size();
}

void write_queue::mark() {
  auto& marks = needs_insertions().marks;
  if (!marks.empty() && end() - marks.back() < mark_distance) return;
  std::erase_if(marks, [this](std::uint64_t place) { return place < written_; });
  marks.push_back(end());
}

// The mark moves behind the inserted bytes, so what is inserted later comes later.
std::span<std::uint8_t> write_queue::insert_in_place(std::size_t size, std::size_t held) {
  auto& [marks, not_written] = needs_insertions();
  const std::uint64_t least = not_written.empty() ? 0 : not_written.back().end;
  const auto mark = std::lower_bound(marks.begin(), marks.end(), std::max(written_ + held, least));
  const std::uint64_t place = mark == marks.end() ? end() : *mark;
  std::for_each(mark, marks.end(), [size](std::uint64_t& each) { each += size; });
  not_written.push_back({place + size, size});
  const auto release = [](void* bytes) {
    std::unique_ptr<std::uint8_t[]>(static_cast<std::uint8_t*>(bytes)).reset();
  };
  const auto at = begin_segment_at(place);
  auto bytes = std::make_unique_for_overwrite<std::uint8_t[]>(size);
  const std::span<std::uint8_t> room(bytes.get(), size);
  segments_.insert(at, {room.data(), size, release, bytes.get()});
  static_cast<void>(bytes.release());
  bytes_ += size;
  return room;
}

std::size_t write_queue::bytes_inserted() {
  if (insertions_ == nullptr) return 0;
  auto& all = insertions_->not_written;
  std::erase_if(all, [this](const insertion& one) { return one.end <= written_; });
  std::size_t sum = 0;
  for (const insertion& one : all) sum += one.size;
  return sum;
}

write_queue::insertions& write_queue::needs_insertions() {
  if (insertions_ == nullptr) insertions_ = std::make_unique<insertions>();
  return *insertions_;
}

// A mark stands between what was appended, so it is never within borrowed bytes.
std::deque<write_queue::segment>::iterator write_queue::begin_segment_at(std::uint64_t place) {
  if (place == end()) return segments_.end();
  std::size_t before = place - written_;
  auto at = segments_.begin();
  for (; before >= at->size; ++at) before -= at->size;
  if (before == 0) return at;
  const segment first{at->data, before, nullptr, nullptr};
  at->data += before;
  at->size -= before;
  return std::next(segments_.insert(at, first));
}

std::size_t write_queue::gather(std::span<uv_buf_t> out) const {
  const std::size_t count = std::min(out.size(), segments_.size());
  for (std::size_t i = 0; i < count; ++i) {
    out[i].base = const_cast<char*>(reinterpret_cast<const char*>(segments_[i].data));
    out[i].len = segments_[i].size;
  }
  return count;
}

base::bytes_span write_queue::front() const {
  return segments_.empty() ? base::bytes_span() : base::bytes_span(segments_[0].data, segments_[0].size);
}

std::size_t write_queue::copy_to(std::span<std::uint8_t> to) const {
  std::size_t done = 0;
  for (auto each = segments_.begin(); each != segments_.end() && done < to.size(); ++each) {
    const std::size_t part = std::min(each->size, to.size() - done);
    std::memcpy(to.data() + done, each->data, part);
    done += part;
  }
  return done;
}

void write_queue::advance(std::size_t n) {
  bytes_ -= n;
  written_ += n;
  while (n > 0) {
    segment& first = segments_.front();
    const std::size_t part = std::min(n, first.size);
    n -= part;
    if (first.release == nullptr) block_bytes_written(part);
    first.data += part;
    first.size -= part;
    if (first.size > 0) return;
    const segment done = first;
    segments_.pop_front();
    if (done.release != nullptr) done.release(done.context);
  }
}

void write_queue::block_bytes_written(std::size_t n) {
  block& first = blocks_.front();
  first.written += n;
  if (first.written < first.used) return;
  if (blocks_.size() > 1 || first.capacity != block_size) {
    blocks_.pop_front();
  } else {
    first.used = first.written = 0;
  }
}

void write_queue::swap(write_queue& other) noexcept {
  segments_.swap(other.segments_);
  blocks_.swap(other.blocks_);
  std::swap(bytes_, other.bytes_);
  std::swap(written_, other.written_);
  insertions_.swap(other.insertions_);
}

void write_queue::clear() {
  std::deque<segment> dropped;
  dropped.swap(segments_);
  blocks_.clear();
  insertions_.reset();
  bytes_ = 0;
  for (const segment& each : dropped) {
    if (each.release != nullptr) each.release(each.context);
  }
}

} // namespace coppice::net
