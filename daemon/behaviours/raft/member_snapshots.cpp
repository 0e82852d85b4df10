// SPDX-License-Identifier: MIT
// When the actor that applies commands writes its state, which becomes a snapshot in the log, or is tried
// again later. In the process's own turn.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "behaviours/raft/member.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message_writer;
using runtime::process;

namespace {

constexpr base::nanos long_save = base::nanos_per_second;
constexpr base::nanos save_again = 10 * base::nanos_per_second; // after it failed, at the earliest

} // namespace

void member::take_snapshot(process& self) {
  if (saving_ || storage_->is_storing() || full_ || self.now() < next_save_) return;
  // Due at once after a change of the version: later code need not know the version of the snapshot before.
  const bool other_version = machine_version_ != saved_version_;
  const bool due = sent_ >= snapshot_at_ + options_->snapshot_entries ||
                   ((bytes_since_ >= options_->snapshot_bytes || other_version) && sent_ > snapshot_at_);
  if (!due) return;
  saving_ = true;
  saved_version_ = machine_version_;
  bytes_since_ = 0;
  message_writer out;
  begin_body(out);
  out.atom(save_word);
  tell_machine(self, out);
}

// {Index, Snapshot, Microseconds}
void member::take_saved(process& self, etf::cursor at) {
  saving_ = false;
  std::uint64_t index = 0;
  std::uint64_t us = 0;
  etf::bytes bytes;
  if (!at.read_unsigned(index) || !at.read_binary(bytes) || !at.read_unsigned(us)) return;
  if (static_cast<base::nanos>(us) * 1000 > long_save)
    base::log::warning("raft", "{}: save_state took {} ms, and nothing was applied meanwhile", own_,
                       us / 1000);
  too_large_state_ = bytes.size() > largest_state_.bytes ? bytes.size() : 0;
  if (too_large_state_ != 0)
    return lose_save(self, fmt::format("its state has {} bytes, and {} are the most: {}", bytes.size(),
                                       largest_state_.bytes, largest_state_.by));
  no_snapshots_ = false;
  save_pause_.reset();
  if (index <= core_->snapshot().index || storage_->is_storing()) return;
  consensus::snapshot_meta meta = core_->describe(index);
  if (meta.index == 0) return;
  meta.size = bytes.size();
  meta.digest = digest_of(bytes);
  snapshot_at_ = index;
  if (auto put = storage_->keep(meta, consensus::payload(bytes)); !put)
    base::log::warning("raft", "{} could not store a snapshot: {}", own_, put.error().text);
}

// A later attempt may succeed: memory may be free then, or a reload may bring code that saves.
void member::lose_save(process& self, std::string_view why) {
  saving_ = false;
  if (!no_snapshots_) base::log::error("raft", "{} could take no snapshot, so its log grows: {}", own_, why);
  no_snapshots_ = true;
  saved_version_ = core_->snapshot().version;
  next_save_ = self.now() + std::max(save_again, save_pause_.next(self.now()));
}

} // namespace coppice::behaviours::raft
