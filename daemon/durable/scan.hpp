// SPDX-License-Identifier: MIT
// Takes the bytes of one segment apart: the whole records, the damaged stretches, and the footer's list of
// records. The bytes may be anything. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "durable/format.hpp"

namespace coppice::durable {

// A record, or a stretch of bytes that is not a record.
struct piece {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  // Empty: no record's head could be read here.
  std::optional<read_record> found;
  bool whole = false; // head and body have the right checksums
};

struct scanned_segment {
  std::optional<segment_head> head; // empty: damaged; head_problem says how
  std::string head_problem;
  bool is_other_format = false;
  bool is_foreign = false;   // the head is whole, but belongs to another log or another segment
  std::vector<piece> pieces; // by offset, without a whole footer and end
  bool closed = false;       // it has a footer or an end that is whole
  // The records that the footer lists. Empty: no complete footer could be read.
  std::optional<std::vector<footer_item>> footer;
  // Newest segment only: zeros at the file's end that belong to no record. They are room that was reserved
  // for records to come, or such records of which nothing reached the disk.
  std::uint64_t reserved = 0;
  // Newest segment only: offset at which the unsynced bytes become damaged. 0: not even the head is usable.
  std::optional<std::uint64_t> torn_at;
  // Where the last batch begins; everything before it was synced. 0: the head was written with it.
  std::uint64_t last_batch_at = 0;
  std::uint64_t last_batch = 0;
};

// Offset of the next record's head at or after `from`. The size of `bytes` if there is none.
std::size_t next_head(base::bytes_span bytes, std::size_t from, std::uint32_t seed);

// `is_newest`: it is unknown whether the last batch was synced, so damage in that batch is a torn tail. Zeros
// may follow the records; any other byte there is a torn tail as well, since it can be the only one left of a
// batch that was never synced.
scanned_segment scan_segment(base::bytes_span bytes, const identity& of, std::uint64_t number,
                             bool is_newest);

} // namespace coppice::durable
