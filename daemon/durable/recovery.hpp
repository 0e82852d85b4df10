// SPDX-License-Identifier: MIT
// Reads a log's folder once and reports its content: the index, the segments, and the damage. It changes
// nothing: the engine repairs the newest segment afterwards, and `coppice log check` only reports. The effort
// is proportional to the size of the segments. Blocking; any thread.
#pragma once

#include <string>
#include <vector>

#include "durable/disk.hpp"
#include "durable/index.hpp"
#include "durable/scan.hpp"

namespace coppice::durable {

// A stretch of bytes that cannot be what was written there.
struct damage {
  std::string file; // path
  std::uint64_t offset = 0;
  std::uint64_t size = 0; // 0: something is missing at the offset
  std::string why;
  std::vector<std::uint64_t> groups; // groups with records in the stretch
  // Whether `groups` is certainly complete. If not, groups that cannot prove to be whole are stopped as well,
  // and unknown names are refused, since the group of that name may have been lost here.
  bool all_groups_known = true;

  std::string text() const; // "FILE, offset N: why"
};

struct segment_report {
  std::uint64_t number = 0;
  std::uint64_t size = 0; // without a torn tail and reserved room
};

// The newest segment, as far as repairing it needs.
struct newest_segment {
  std::uint64_t number = 0;
  std::string bytes;               // without the torn tail and reserved room
  std::uint64_t torn = 0;          // bytes of the torn tail
  std::uint64_t reserved = 0;      // zeros behind records and torn tail
  bool is_unusable = false;        // its head was never fully written: it is to be removed
  bool closed = false;             // it has its footer
  bool has_damage = false;         // it has damage, so a footer would prove nothing
  std::uint64_t last_batch_at = 0; // whether the bytes from here on were synced is unknown
  // Offset of the last record, if that does not end its batch: a crash has kept only a part of the batch.
  std::optional<std::uint64_t> unended_at;
  std::vector<footer_item> items; // for a footer
};

struct recovered {
  group_index found;
  std::vector<segment_report> segments; // by number, without an unusable newest segment
  std::optional<newest_segment> newest;
  std::vector<damage> damages;
  // Why the log must not be opened although it could be read: the repair would remove bytes that may be
  // needed.
  std::optional<base::error> refusal;
  std::uint64_t next_batch = 1;
  std::uint64_t next_segment = 1;
};

struct file_bytes {
  std::string bytes;
  // Offsets of stretches that the disk cannot read; replaced by zeros in `bytes`.
  std::vector<std::uint64_t> unreadable;
  std::string problem; // the disk's error for such a stretch
};
// Reads the whole file, also if some stretches cannot be read.
base::result<file_bytes> read_all(const file& from);

// errc::not_found: there is no identity; errc::invalid: damaged; errc::unsupported: another format.
base::result<identity> read_identity(disk& on, const std::string& folder);
// `longest_start`: how long a segment can be before its first sync, with reserved room. A newest segment that
// is longer and has no records was not left by a crash.
base::result<recovered> recover(disk& on, const std::string& folder, const identity& of,
                                std::size_t longest_start);

} // namespace coppice::durable
