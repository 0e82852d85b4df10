// SPDX-License-Identifier: MIT
// The bytes of the durable log. All integers are big-endian; all checksums are CRC-32C. Pure; any thread.
//
// A folder holds `lock` (empty, locked by flock while the log is open), `identity`, `reserve` (a file that
// keeps room for when the disk is full) and segments, NNNNNNNNNNNNNNNN.log with 16 hexadecimal digits,
// numbered without gaps. Records are appended to the newest segment; only the oldest segment is removed.
//
// `identity`, 32 bytes: "coppicel" | format u32 | 128 random bits, made with the folder | checksum of the
// bytes before it.
//
// A segment begins with a head of 64 bytes:
//    0 "coppices" | 8 format u32 | 12 zero u32 | 16 identity, 16 bytes | 32 number u64 | 40 first batch u64 |
//   48 number the next group gets u64 | 56 zero u32 | 60 checksum of bytes 0 to 59, u32
// Records follow, each a head of 64 bytes and a body:
//    0 "cpRc" | 4 checksum of bytes 8 to 63, u32 | 8 kind u8 | 9 flags u8 (1: last of batch) | 10 zero u16 |
//   12 length of the body u32 | 16 checksum of the body u32 | 20 zero u32 | 24 batch u64 | 32 group u64 |
//   40 serial u64 | 48 index u64 | 56 term u64
// Checksums of records begin with the checksum of identity and segment number, so that a record is valid only
// in its own segment. A batch is the records of one write and one fsync. Batches are numbered through all
// segments, and a batch is written only after the batch before it was synced. Serials number the records of a
// group without gaps, through all segments.
//
// kind      index                  term                 body
// create    –                      –                    name of the group
// entry     index of the entry     its term             the entry
// value     length of the key      –                    key and value; an empty value removes the key
// cut_after last index that stays  –                    –
// cut_before first index that stays –                   –
// remove    –                      –                    –      (the group and all its records are gone)
// footer    number of items        1: complete          an item for each group: group u64, records u32
// end       offset of the footer   checksum, length     –      (of the footer's body; serial: 1: complete)
// Footer and end close a segment. They list its records, so that a damaged record can be told from one that
// was never written. A footer that is not complete was written although the segment has damage, and proves
// nothing. Nothing follows the end record of a segment that was closed.
//
// Zeros may follow the records of a segment that is not closed: room that was reserved for later records, so
// that writing them does not change the file's size. No record begins with a zero, and zeros at the end of a
// body lie within the length in the record's head, so zeros are never read as a record, nor a record as
// zeros.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace coppice::durable {

// 128 random bits, made with the folder. A copy of the folder has the same.
using identity = std::array<std::uint8_t, 16>;
std::string text_of(const identity& id); // 32 hexadecimal digits

constexpr std::uint32_t format_number = 1;
constexpr std::size_t identity_size = 32;
constexpr std::size_t segment_head_size = 64;
constexpr std::size_t record_head_size = 64;
constexpr std::size_t footer_item_size = 12;
constexpr std::size_t longest_name = 255; // of a group and of a key, bytes
constexpr std::uint64_t last_index = ~std::uint64_t{0} >> 1;
// The greatest number of a segment, batch, group or serial that is accepted. Only a file made by hand comes
// near it.
constexpr std::uint64_t last_number = last_index >> 1;
constexpr std::uint64_t longest_file = std::uint64_t{1} << 30; // bytes; of a segment

enum class kind : std::uint8_t { create = 1, entry, value, cut_after, cut_before, remove, footer, end };

std::string encode_identity(const identity& id);
// errc::invalid: damaged; errc::unsupported: another format.
base::result<identity> decode_identity(base::bytes_span bytes);

std::string segment_name(std::uint64_t number);
// Empty: the name is not that of a segment.
std::optional<std::uint64_t> segment_number(std::string_view name);

struct segment_head {
  identity of{};
  std::uint64_t number = 0;
  std::uint64_t first_batch = 0;
  std::uint64_t next_group = 0;
};
std::string encode_segment_head(const segment_head& head);
// errc::invalid: damaged; errc::unsupported: another format.
base::result<segment_head> decode_segment_head(base::bytes_span bytes);

struct record {
  kind what = kind::entry;
  bool ends_batch = false;
  std::uint64_t batch = 0;
  std::uint64_t group = 0;
  std::uint64_t serial = 0;
  std::uint64_t index = 0;
  std::uint64_t term = 0;
};

// Seed for the checksums of a segment's records.
std::uint32_t record_seed(const identity& of, std::uint64_t number);

void encode_record(std::string& out, std::uint32_t seed, const record& head, std::string_view body);
// Marks the record whose head begins at `at` as the last of its batch.
void mark_end_of_batch(std::string& out, std::size_t at, std::uint32_t seed);

struct read_record {
  record head;
  std::uint32_t length = 0; // of the body, which may reach beyond the end of the bytes
  std::uint32_t body_sum = 0;
};
// `bytes` begin at the record's head. Empty: there is no valid head.
std::optional<read_record> decode_head(base::bytes_span bytes, std::uint32_t seed);
bool has_right_body(const read_record& of, base::bytes_span body, std::uint32_t seed);

struct footer_item {
  std::uint64_t group = 0;
  std::uint32_t count = 0; // records of the group in the segment
};

// Appends footer and end to `out`. `at`: the offset in the segment at which `out` begins.
void encode_footer(std::string& out, std::uint64_t at, std::uint32_t seed, std::uint64_t batch,
                   const std::vector<footer_item>& items, bool complete);
std::vector<footer_item> decode_footer(base::bytes_span body);

} // namespace coppice::durable
