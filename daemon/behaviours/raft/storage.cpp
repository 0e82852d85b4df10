// SPDX-License-Identifier: MIT
// A member's group of the durable log. In the owning process's turn.
#include "behaviours/raft/storage.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/bound.hpp"
#include "base/buffer.hpp"
#include "consensus/wire.hpp"

namespace coppice::behaviours::raft {

using base::errc;
using consensus::payload;
using consensus::snapshot_meta;
using durable::change;

const base::bound<std::uint32_t> piece_bytes("raft: bytes of a piece of a snapshot", 256 * 1024, 4096);

namespace {

constexpr std::string_view id_key = "id";
constexpr std::string_view group_key = "group";
constexpr std::string_view hard_key = "hard";
constexpr std::string_view snapshot_key = "snapshot";
constexpr std::string_view stored_key = "stored";
const base::bound<unsigned> most_under_way("raft: pieces of a snapshot that are being written", 4);
constexpr std::size_t read_at_once = std::size_t{4} << 20;

change set(std::string_view key, std::string value) {
  return durable::set_value{std::string(key), std::move(value)};
}

template <class What>
std::string encoded(const What& what) {
  etf::vector_writer out(64);
  consensus::encode(what, out);
  const std::vector<std::uint8_t> bytes = out.take();
  return {bytes.begin(), bytes.end()};
}

std::string text_of(base::buffer& of) {
  const auto bytes = of.readable();
  return {bytes.begin(), bytes.end()};
}

void append(base::buffer& to, const consensus::identity& one) {
  to.append_be64(one.high);
  to.append_be64(one.low);
}

change group_change(const membership& of) {
  base::buffer bytes;
  append(bytes, of.cluster);
  bytes.append_be64(of.clients);
  return set(group_key, text_of(bytes));
}

std::uint64_t number_at(const std::string& text, std::size_t at) {
  return base::load_be64(base::as_bytes(text).data() + at);
}

std::string piece_key(std::uint64_t index, std::uint64_t digest, std::uint64_t offset) {
  return fmt::format("piece {:x} {:x} {:x}", index, digest, offset);
}

stored_snapshot place_of(const snapshot_meta& meta) {
  return {meta.index, meta.digest, meta.size};
}

unexpected<base::error> senseless(std::string_view what) {
  return base::fail(errc::invalid, fmt::format("the value {} of the group makes no sense", what));
}

// Lack of room is no error here: the changes are submitted later.
base::status unless_full(base::status done) {
  return done || done.error().code == errc::limit ? base::status{} : std::move(done);
}

base::status read_entries(const durable::shared_log& log, durable::group_id group, group_contents& into) {
  into.state.entries.reserve(static_cast<std::size_t>(into.last + 1 - into.first));
  for (std::uint64_t next = into.first; next <= into.last;) {
    auto some = log.read(group, next, read_at_once);
    if (!some) return unexpected(some.error());
    if (some->empty()) return base::fail(errc::invalid, fmt::format("entry {} is missing", next));
    for (const durable::entry& one : *some) {
      auto entry = consensus::decode_entry(base::as_bytes(one.bytes));
      if (!entry)
        return base::fail(errc::invalid, fmt::format("entry {}: {}", one.index, entry.error().text));
      into.state.entries.push_back(std::move(*entry));
    }
    next += some->size();
  }
  return {};
}

} // namespace

// FNV-1a over words of 8 bytes. It tells apart the snapshots of honest members; it is no protection against
// forgery.
std::uint64_t digest_of(base::bytes_span bytes) {
  std::uint64_t hash = 0xcbf29ce484222325 ^ bytes.size();
  const auto mix = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * 0x100000001b3;
    hash ^= hash >> 29;
  };
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) mix(base::load_be64(bytes.data() + at));
  for (; at < bytes.size(); ++at) mix(bytes[at]);
  return hash;
}

base::result<group_contents> read_group(durable::shared_log& log, durable::group_id group) {
  group_contents out;
  log.settle(); // requests that are under way would change what is read
  const auto about = log.report(group);
  if (!about) return out;
  if (!about->damage.empty()) return base::fail(errc::invalid, about->damage);
  out.first = about->first;
  out.last = about->last;
  if (const auto id = log.value(group, std::string(id_key))) {
    if (id->size() != 16) return senseless(id_key);
    out.self = {number_at(*id, 0), number_at(*id, 8)};
  }
  if (const auto of = log.value(group, std::string(group_key))) {
    if (of->size() != 24) return senseless(group_key);
    out.of = membership{{number_at(*of, 0), number_at(*of, 8)}, number_at(*of, 16)};
  }
  if (const auto hard = log.value(group, std::string(hard_key))) {
    auto read = consensus::decode_hard_state(base::as_bytes(*hard));
    if (!read) return senseless(hard_key);
    out.state.hard = *read;
  }
  if (const auto meta = log.value(group, std::string(snapshot_key))) {
    auto read = consensus::decode_snapshot_meta(base::as_bytes(*meta));
    if (!read) return senseless(snapshot_key);
    out.state.snapshot = std::move(*read);
  }
  if (const auto stored = log.value(group, std::string(stored_key))) {
    if (stored->size() % 24 != 0) return senseless(stored_key);
    for (std::size_t at = 0; at < stored->size(); at += 24)
      out.stored.push_back({number_at(*stored, at), number_at(*stored, at + 8), number_at(*stored, at + 16)});
  }
  out.state.before = out.first - 1;
  out.state.before_term = about->term_before_first;
  if (auto read = read_entries(log, group, out); !read) return unexpected(read.error());
  return out;
}

storage::storage(durable::shared_log& log, runtime::system& system, const runtime::pid& owner,
                 durable::group_id group, const group_contents& found)
    : log_(log),
      writer_(log, system, owner, group),
      first_(found.first),
      last_(found.last),
      of_(found.of.value_or(membership())),
      used_(place_of(found.state.snapshot)),
      stored_(found.stored) {
  for (const stored_snapshot& one : found.stored)
    if (!(one == used_)) unwanted_.push_back(one);
  // An error other than lack of room is returned by the owner's next catch_up().
  static_cast<void>(sweep());
}

base::status storage::submit(std::vector<change> changes, kind what, std::uint64_t core) {
  const std::uint64_t number = ++number_;
  if (auto done = writer_.write(std::move(changes), number); !done) return done;
  submitted_.push_back({number, what, core, base::mono_now()});
  return {};
}

base::status storage::put_identity(const consensus::member_id& self) {
  base::buffer bytes;
  append(bytes, self);
  return submit({set(id_key, text_of(bytes))}, kind::identity);
}

base::status storage::put_membership(const membership& of, consensus::durable_state first) {
  of_ = of;
  std::vector<change> changes;
  // A crash may have left the first part of an earlier attempt.
  if (last_ >= first_) {
    last_ = first_ - 1;
    changes.emplace_back(durable::cut_after{last_});
  }
  // The log comes first: a member that has `group` has all of its beginning.
  for (const consensus::entry& one : first.entries)
    changes.emplace_back(durable::append{{++last_, one.term, encoded(one)}});
  if (first.hard.term > 0) changes.push_back(set(hard_key, encoded(first.hard)));
  changes.push_back(group_change(of_));
  return submit(std::move(changes), kind::membership);
}

void storage::put_stored(std::vector<change>& to) const {
  base::buffer bytes;
  for (const stored_snapshot& one : stored_) {
    bytes.append_be64(one.index);
    bytes.append_be64(one.digest);
    bytes.append_be64(one.size);
  }
  to.push_back(set(stored_key, text_of(bytes)));
}

void storage::add_stored(std::vector<change>& to, const stored_snapshot& one) {
  if (std::ranges::find(stored_, one) != stored_.end()) return;
  stored_.push_back(one);
  put_stored(to);
}

void storage::drop_stored(std::vector<change>& to, const stored_snapshot& one) {
  for (std::uint64_t at = 0; at < std::max<std::uint64_t>(one.size, 1); at += piece_bytes)
    to.push_back(set(piece_key(one.index, one.digest, at), {}));
  std::erase(stored_, one);
  put_stored(to);
}

void storage::install(std::vector<change>& to, const consensus::write& one) {
  const snapshot_meta& meta = *one.install;
  to.push_back(set(snapshot_key, encoded(meta)));
  used_ = place_of(meta);
  if (incoming_ == used_) incoming_.reset();
  if (!one.keep_log && last_ > meta.index && last_ >= first_) {
    last_ = std::max(meta.index, first_ - 1);
    to.emplace_back(durable::cut_after{last_});
  }
  first_ = meta.index + 1;
  last_ = std::max(last_, meta.index);
  to.emplace_back(durable::cut_before{first_, meta.term});
}

base::status storage::write(consensus::write&& one) {
  std::vector<change> changes;
  if (one.cluster) {
    of_.cluster = *one.cluster;
    changes.push_back(group_change(of_));
  }
  if (one.hard) changes.push_back(set(hard_key, encoded(*one.hard)));
  if (one.piece) {
    const stored_snapshot of = place_of(one.piece->of);
    if (one.piece->offset == 0) {
      // This member's own snapshot at that entry has the same pieces.
      const bool is_own =
          incoming_ && (*incoming_ == used_ || (saving_ && *incoming_ == place_of(saving_->meta)));
      if (incoming_ && !is_own && !(*incoming_ == of)) drop_stored(changes, *incoming_);
      incoming_ = of;
      add_stored(changes, of);
    }
    const auto bytes = base::as_text(one.piece->bytes.bytes());
    if (!bytes.empty())
      changes.push_back(set(piece_key(of.index, of.digest, one.piece->offset), std::string(bytes)));
  }
  if (one.install) install(changes, one);
  if (one.compact_to >= first_) {
    first_ = one.compact_to + 1;
    last_ = std::max(last_, one.compact_to);
    changes.emplace_back(durable::cut_before{first_, one.compact_term});
  }
  if (one.truncate_from > 0 && one.truncate_from <= last_) {
    last_ = std::max(one.truncate_from, first_) - 1;
    changes.emplace_back(durable::cut_after{last_});
  }
  if (!one.entries.empty() && one.first != last_ + 1)
    return base::fail(errc::invalid,
                      fmt::format("entry {} does not follow entry {}, the last one", one.first, last_));
  for (const consensus::entry& each : one.entries)
    changes.emplace_back(durable::append{{++last_, each.term, encoded(each)}});
  return submit(std::move(changes), kind::core, one.number);
}

base::status storage::keep(const snapshot_meta& meta, payload bytes) {
  saving_ = saving{meta, std::move(bytes)};
  return pump();
}

base::status storage::pump() {
  if (!saving_) return {};
  saving& now = *saving_;
  const stored_snapshot of = place_of(now.meta);
  while (now.next < of.size && now.under_way < most_under_way) {
    std::vector<change> changes;
    const std::vector<stored_snapshot> before = stored_;
    if (now.next == 0) add_stored(changes, of);
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, of.size - now.next));
    const auto bytes = base::as_text(now.bytes.bytes().subspan(static_cast<std::size_t>(now.next), length));
    changes.push_back(set(piece_key(of.index, of.digest, now.next), std::string(bytes)));
    if (auto done = submit(std::move(changes), kind::piece); !done) {
      stored_ = before;
      return unless_full(std::move(done));
    }
    now.next += length;
    ++now.under_way;
  }
  if (now.next < of.size || now.under_way > 0 || now.ends) return {};
  std::vector<change> changes;
  // The leader's newer snapshot may have come meanwhile; then this one is not used, and the core releases it.
  const bool newest = now.meta.index > used_.index;
  if (newest)
    changes.push_back(set(snapshot_key, encoded(now.meta)));
  else
    put_stored(changes);
  if (auto done = submit(std::move(changes), kind::snapshot); !done) return unless_full(std::move(done));
  now.ends = true;
  if (!newest) return {};
  used_ = of;
  if (incoming_ == used_) incoming_.reset();
  return {};
}

void storage::release(const snapshot_meta& meta) {
  const stored_snapshot of = place_of(meta);
  if (std::ranges::find(unwanted_, of) == unwanted_.end()) unwanted_.push_back(of);
  static_cast<void>(sweep()); // for its errors see the constructor
}

base::status storage::sweep() {
  while (!unwanted_.empty()) {
    const stored_snapshot of = unwanted_.back();
    // The same snapshot may have come again since it was released.
    const bool wanted = of == used_ || of == incoming_ || (saving_ && of == place_of(saving_->meta));
    if (!wanted) {
      std::vector<change> changes;
      const std::vector<stored_snapshot> before = stored_;
      drop_stored(changes, of);
      if (auto done = submit(std::move(changes), kind::other); !done) {
        stored_ = before;
        return unless_full(std::move(done));
      }
    }
    unwanted_.pop_back();
  }
  return {};
}

base::status storage::catch_up() {
  if (auto done = sweep(); !done) return done;
  return pump();
}

base::status storage::touch() {
  std::vector<change> changes;
  put_stored(changes);
  return submit(std::move(changes), kind::other);
}

base::result<storage::news> storage::take() {
  const journal_writer::news known = writer_.take();
  news out;
  if (known.failure) out.failure = known.failure->why;
  const std::uint64_t upto = known.failure ? known.failure->number - 1 : known.written;
  const base::nanos now = base::mono_now();
  while (!submitted_.empty() && submitted_.front().number <= upto) {
    const submitted one = submitted_.front();
    submitted_.pop_front();
    out.slowest = std::max(out.slowest, now - one.at);
    switch (one.what) {
      case kind::identity:
        out.identity_written = true;
        break;
      case kind::membership:
        out.membership_written = true;
        break;
      case kind::core:
        out.core_written = one.core;
        break;
      case kind::piece:
        if (saving_) --saving_->under_way;
        break;
      case kind::snapshot:
        out.stored = std::move(saving_->meta);
        saving_.reset();
        break;
      case kind::other:
        break;
    }
  }
  if (!out.failure)
    if (auto done = catch_up(); !done) return unexpected(done.error());
  return out;
}

payload storage::piece(const snapshot_meta& of, std::uint64_t offset, std::uint32_t length) const {
  const auto bytes = log_.value(writer_.group(), piece_key(of.index, of.digest, offset));
  if (!bytes || bytes->size() != length) return {};
  return payload(base::as_bytes(*bytes));
}

base::result<std::string> storage::whole(const snapshot_meta& of) const {
  std::string out;
  out.reserve(static_cast<std::size_t>(of.size));
  while (out.size() < of.size) {
    const auto some = log_.value(writer_.group(), piece_key(of.index, of.digest, out.size()));
    if (!some || some->empty())
      return base::fail(errc::invalid,
                        fmt::format("the snapshot at entry {} has no byte {}", of.index, out.size()));
    out += *some;
  }
  if (out.size() != of.size || digest_of(base::as_bytes(out)) != of.digest)
    return base::fail(errc::invalid,
                      fmt::format("the snapshot at entry {} is not what was written", of.index));
  return out;
}

} // namespace coppice::behaviours::raft
