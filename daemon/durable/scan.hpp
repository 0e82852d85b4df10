// SPDX-License-Identifier: MIT
// Takes the bytes of one segment apart: records that are whole, stretches that are damaged, and what the
// footer says was there. The bytes may be anything. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "durable/format.hpp"

namespace coppice::durable {

// A record, or a stretch of bytes that is none.
struct piece {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  // Empty: no record's head could be read here.
  std::optional<read_record> found;
  bool whole = false; // head and body are right
};

struct scanned_segment {
  std::optional<segment_head> head; // empty: damaged, and head_problem says how
  std::string head_problem;
  bool is_other_format = false;
  bool is_foreign = false;   // the head is whole, and another log's or another segment's
  std::vector<piece> pieces; // by offset, without footer and end where those are whole
  bool closed = false;       // it has a footer, or an end, that is whole
  // What its footer says it has; empty: there is none that could be read, or none that is complete.
  std::optional<std::vector<footer_item>> footer;
  // Of the newest segment: where what was not synced ends in damage. 0: not even its head is usable.
  std::optional<std::uint64_t> torn_at;
  // Where the last batch begins: all before it was synced. 0: the head was written with it.
  std::uint64_t last_batch_at = 0;
  std::uint64_t last_batch = 0;
};

// Where the next record's head is, from `from` on; the end of the bytes where there is none.
std::size_t next_head(base::bytes_span bytes, std::size_t from, std::uint32_t seed);

// `is_newest`: nobody knows whether its last batch was synced, so that damage in it is a torn tail.
scanned_segment scan_segment(base::bytes_span bytes, const identity& of, std::uint64_t number,
                             bool is_newest);

} // namespace coppice::durable
