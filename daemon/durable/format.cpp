// SPDX-License-Identifier: MIT
// Encodes and decodes the log's files by hand, field by field, as format.hpp lays them out.
#include "durable/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/crc32c.hpp"

namespace coppice::durable {
namespace {

using base::load_be32;
using base::load_be64;

constexpr std::string_view identity_mark = "coppicel";
constexpr std::string_view segment_mark = "coppices";
constexpr std::string_view record_mark = "cpRc";
constexpr std::string_view suffix = ".log";
constexpr std::size_t digits = 16;
constexpr std::uint8_t end_of_batch = 1;

void put32(std::string& out, std::uint32_t value) {
  std::uint8_t bytes[sizeof value];
  base::store_be32(bytes, value);
  out.append(reinterpret_cast<const char*>(bytes), sizeof bytes);
}

void put64(std::string& out, std::uint64_t value) {
  std::uint8_t bytes[sizeof value];
  base::store_be64(bytes, value);
  out.append(reinterpret_cast<const char*>(bytes), sizeof bytes);
}

void put_identity(std::string& out, const identity& id) {
  out.append(reinterpret_cast<const char*>(id.data()), id.size());
}

identity load_identity(const std::uint8_t* from) {
  identity id;
  std::copy_n(from, id.size(), id.begin());
  return id;
}

// Checks mark and format number at the beginning, and the checksum at the end.
base::status check_frame(base::bytes_span bytes, std::string_view mark) {
  const std::size_t sum_at = bytes.size() - sizeof(std::uint32_t);
  if (base::as_text(bytes.first(mark.size())) != mark)
    return base::fail(base::errc::invalid, "it does not begin as one");
  if (load_be32(bytes.data() + sum_at) != base::crc32c(bytes.first(sum_at)))
    return base::fail(base::errc::invalid, "its checksum is wrong");
  const std::uint32_t format = load_be32(bytes.data() + mark.size());
  if (format == format_number) return {};
  return base::fail(base::errc::unsupported,
                    fmt::format("it has format {}, and this version reads {}", format, format_number));
}

} // namespace

std::string text_of(const identity& id) {
  std::string text;
  for (const std::uint8_t byte : id) text += fmt::format("{:02x}", byte);
  return text;
}

std::string encode_identity(const identity& id) {
  std::string out(identity_mark);
  put32(out, format_number);
  put_identity(out, id);
  put32(out, base::crc32c(base::as_bytes(out)));
  return out;
}

base::result<identity> decode_identity(base::bytes_span bytes) {
  if (bytes.size() != identity_size) return base::fail(base::errc::invalid, "it has not 32 bytes");
  if (auto right = check_frame(bytes, identity_mark); !right) return unexpected(std::move(right.error()));
  return load_identity(bytes.data() + 12);
}

std::string segment_name(std::uint64_t number) {
  return fmt::format("{:016x}{}", number, suffix);
}

std::optional<std::uint64_t> segment_number(std::string_view name) {
  if (name.size() != digits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  std::uint64_t number = 0;
  const auto read = std::from_chars(name.data(), name.data() + digits, number, 16);
  if (read.ec != std::errc() || number == 0 || number > last_number || segment_name(number) != name)
    return std::nullopt;
  return number;
}

std::string encode_segment_head(const segment_head& head) {
  std::string out(segment_mark);
  put32(out, format_number);
  put32(out, 0);
  put_identity(out, head.of);
  put64(out, head.number);
  put64(out, head.first_batch);
  put64(out, head.next_group);
  put32(out, 0);
  put32(out, base::crc32c(base::as_bytes(out)));
  return out;
}

base::result<segment_head> decode_segment_head(base::bytes_span bytes) {
  if (bytes.size() < segment_head_size) return base::fail(base::errc::invalid, "it is too short");
  bytes = bytes.first(segment_head_size);
  if (auto right = check_frame(bytes, segment_mark); !right) return unexpected(std::move(right.error()));
  const segment_head out{load_identity(bytes.data() + 16), load_be64(bytes.data() + 32),
                         load_be64(bytes.data() + 40), load_be64(bytes.data() + 48)};
  if (out.first_batch > last_number || out.next_group > last_number + 1)
    return base::fail(base::errc::invalid, "it has a number that no log reaches");
  return out;
}

std::uint32_t record_seed(const identity& of, std::uint64_t number) {
  std::string text;
  put_identity(text, of);
  put64(text, number);
  return base::crc32c(base::as_bytes(text));
}

void encode_record(std::string& out, std::uint32_t seed, const record& head, std::string_view body) {
  std::uint8_t bytes[record_head_size] = {};
  std::copy(record_mark.begin(), record_mark.end(), bytes);
  bytes[8] = static_cast<std::uint8_t>(head.what);
  bytes[9] = head.ends_batch ? end_of_batch : 0;
  base::store_be32(bytes + 12, static_cast<std::uint32_t>(body.size()));
  base::store_be32(bytes + 16, base::crc32c(base::as_bytes(body), seed));
  base::store_be64(bytes + 24, head.batch);
  base::store_be64(bytes + 32, head.group);
  base::store_be64(bytes + 40, head.serial);
  base::store_be64(bytes + 48, head.index);
  base::store_be64(bytes + 56, head.term);
  base::store_be32(bytes + 4, base::crc32c({bytes + 8, record_head_size - 8}, seed));
  out.append(reinterpret_cast<const char*>(bytes), sizeof bytes);
  out.append(body);
}

void mark_end_of_batch(std::string& out, std::size_t at, std::uint32_t seed) {
  auto* const bytes = reinterpret_cast<std::uint8_t*>(out.data()) + at;
  bytes[9] |= end_of_batch;
  base::store_be32(bytes + 4, base::crc32c({bytes + 8, record_head_size - 8}, seed));
}

std::optional<read_record> decode_head(base::bytes_span bytes, std::uint32_t seed) {
  if (bytes.size() < record_head_size) return std::nullopt;
  const std::uint8_t* const at = bytes.data();
  if (base::as_text(bytes.first(record_mark.size())) != record_mark) return std::nullopt;
  if (load_be32(at + 4) != base::crc32c({at + 8, record_head_size - 8}, seed)) return std::nullopt;
  if (at[8] < static_cast<std::uint8_t>(kind::create) || at[8] > static_cast<std::uint8_t>(kind::end))
    return std::nullopt;
  read_record out;
  out.head = {static_cast<kind>(at[8]), (at[9] & end_of_batch) != 0, load_be64(at + 24), load_be64(at + 32),
              load_be64(at + 40),       load_be64(at + 48),          load_be64(at + 56)};
  if (std::max({out.head.batch, out.head.group, out.head.serial}) > last_number) return std::nullopt;
  out.length = load_be32(at + 12);
  out.body_sum = load_be32(at + 16);
  return out;
}

bool has_right_body(const read_record& of, base::bytes_span body, std::uint32_t seed) {
  return body.size() == of.length && base::crc32c(body, seed) == of.body_sum;
}

void encode_footer(std::string& out, std::uint64_t at, std::uint32_t seed, std::uint64_t batch,
                   const std::vector<footer_item>& items, bool complete) {
  std::string body;
  for (const footer_item& one : items) {
    put64(body, one.group);
    put32(body, one.count);
  }
  record head;
  head.what = kind::footer;
  head.batch = batch;
  head.index = items.size();
  head.term = complete ? 1 : 0;
  const std::uint64_t footer_at = at + out.size();
  encode_record(out, seed, head, body);
  head.what = kind::end;
  head.ends_batch = true;
  head.index = footer_at;
  head.serial = complete ? 1 : 0;
  head.term = std::uint64_t{base::crc32c(base::as_bytes(body), seed)} << 32 | body.size();
  encode_record(out, seed, head, {});
}

std::vector<footer_item> decode_footer(base::bytes_span body) {
  std::vector<footer_item> items;
  for (; body.size() >= footer_item_size; body = body.subspan(footer_item_size))
    if (const std::uint64_t group = load_be64(body.data()); group <= last_number)
      items.push_back({group, load_be32(body.data() + 8)});
  return items;
}

} // namespace coppice::durable
