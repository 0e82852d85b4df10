// SPDX-License-Identifier: MIT
// Reads a log's folder once and says what is in it: the index, the segments, and what is damaged. It changes
// nothing; the engine repairs the newest segment afterwards, and `coppice log check` only looks. The effort
// is proportional to the segments' size. Blocking; any thread.
#pragma once

#include <string>
#include <vector>

#include "durable/disk.hpp"
#include "durable/index.hpp"
#include "durable/scan.hpp"

namespace coppice::durable {

// Bytes that can not be what was written there.
struct damage {
  std::string file; // path
  std::uint64_t offset = 0;
  std::uint64_t size = 0; // 0: something is missing here
  std::string why;
  std::vector<std::uint64_t> groups; // that have records there
  // Whether `groups` are certainly all. Otherwise groups whose records prove nothing else are stopped as
  // well, and names that are not known are refused: such a group may have been lost here.
  bool all_groups_known = true;

  std::string text() const; // "FILE, offset N: why"
};

struct segment_report {
  std::uint64_t number = 0;
  std::uint64_t size = 0;
};

// The newest segment, as far as it is to be repaired.
struct newest_segment {
  std::uint64_t number = 0;
  std::string bytes;               // without the torn tail
  std::uint64_t torn = 0;          // bytes of the torn tail
  bool is_unusable = false;        // not even its head was written: it is to be removed
  bool closed = false;             // it has its footer
  bool has_damage = false;         // so a footer would prove nothing
  std::uint64_t last_batch_at = 0; // nobody knows whether what follows was synced
  // The last record, where it does not end its batch: a crash kept a part of that batch.
  std::optional<std::uint64_t> unended_at;
  std::vector<footer_item> items; // for a footer
};

struct recovered {
  group_index found;
  std::vector<segment_report> segments; // by number, without a newest one that is unusable
  std::optional<newest_segment> newest;
  std::vector<damage> damages;
  // Why the log must not be opened, though it could be read: repairing it would remove what may be needed.
  std::optional<base::error> refusal;
  std::uint64_t next_batch = 1;
  std::uint64_t next_segment = 1;
};

struct file_bytes {
  std::string bytes;
  std::vector<std::uint64_t> unreadable; // offsets of stretches where the disk fails; zeros stand there
  std::string problem;                   // what the disk said there
};
// All of the file, also where some of it cannot be read.
base::result<file_bytes> read_all(const file& from);

// errc::not_found: there is none; errc::invalid: damaged; errc::unsupported: of another format.
base::result<identity> read_identity(disk& on, const std::string& folder);
// `longest_batch`: the most that the log's writer puts into a segment at once, bytes. A newest segment
// without records that is longer was not left by a crash.
base::result<recovered> recover(disk& on, const std::string& folder, const identity& of,
                                std::size_t longest_batch);

} // namespace coppice::durable
