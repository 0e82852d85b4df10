// SPDX-License-Identifier: MIT
// Splits a segment into pieces. Damage in the newest segment is a torn tail if it lies in the last batch. A
// batch is written only after the batch before it was synced, so a whole record of a later batch shows that
// the damaged bytes were synced once.
//
// The newest segment's file may be longer than its records: zeros follow, room that the writer has reserved.
// They cannot be confused with records. A record begins with a mark that is not zero, and zeros at the end of
// a body lie within the length that the record's head gives. So the reserved room is every zero at the file's
// end that is behind the last whole record, or behind the last head if the body of that record is not whole.
#include "durable/scan.hpp"

#include <algorithm>
#include <cstring>

namespace coppice::durable {

std::size_t next_head(base::bytes_span bytes, std::size_t from, std::uint32_t seed) {
  constexpr std::string_view mark = "cpRc";
  while (from < bytes.size()) {
    const void* const found = memmem(bytes.data() + from, bytes.size() - from, mark.data(), mark.size());
    if (found == nullptr) break;
    const auto at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data());
    if (decode_head(bytes.subspan(at), seed)) return at;
    from = at + 1;
  }
  return bytes.size();
}

namespace {

piece read_piece(base::bytes_span bytes, std::size_t at, std::uint32_t seed) {
  piece out;
  out.offset = at;
  out.found = decode_head(bytes.subspan(at), seed);
  if (!out.found) {
    out.size = next_head(bytes, at + 1, seed) - at;
    return out;
  }
  const std::size_t body_at = at + record_head_size;
  const std::size_t length = std::min<std::size_t>(out.found->length, bytes.size() - body_at);
  out.size = record_head_size + length;
  out.whole = has_right_body(*out.found, bytes.subspan(body_at, length), seed);
  return out;
}

void take_footer(scanned_segment& out, base::bytes_span body, bool complete) {
  out.closed = true;
  if (complete) out.footer = decode_footer(body);
}

// Finds the footer by the end record, which is the segment's last 64 bytes: the footer's own head may be
// damaged.
void take_end(scanned_segment& out, base::bytes_span bytes, std::uint32_t seed) {
  if (out.closed || bytes.size() < segment_head_size + record_head_size) return;
  const auto end = decode_head(bytes.last(record_head_size), seed);
  if (!end || end->head.what != kind::end) return;
  const std::uint64_t length = end->head.term & 0xffffffffU;
  read_record footer;
  footer.length = static_cast<std::uint32_t>(length);
  footer.body_sum = static_cast<std::uint32_t>(end->head.term >> 32);
  out.closed = true;
  if (length + record_head_size > bytes.size()) return;
  const auto body = bytes.subspan(bytes.size() - record_head_size - length, length);
  if (has_right_body(footer, body, seed)) take_footer(out, body, end->head.serial == 1);
}

bool is_damage(const piece& one) {
  return !one.whole;
}

// Takes the zeros at the end off the pieces, and off `bytes`.
void take_reserved(scanned_segment& out, base::bytes_span& bytes, std::vector<piece>& all) {
  std::size_t low = out.head ? segment_head_size : 0;
  for (const piece& one : all)
    if (one.found) low = one.offset + (one.whole ? one.size : record_head_size);
  std::size_t end = bytes.size();
  while (end > low && bytes[end - 1] == 0) --end;
  out.reserved = bytes.size() - end;
  bytes = bytes.first(end);
  if (all.empty()) return;
  piece& last = all.back();
  last.size = std::min<std::uint64_t>(last.size, end - std::min<std::uint64_t>(end, last.offset));
  if (last.size == 0) all.pop_back();
}

// The batch that a damaged piece belongs to, judged by the pieces before it.
std::uint64_t batch_of(const piece& one, std::uint64_t batch_before, bool before_ended) {
  if (one.found) return one.found->head.batch;
  return before_ended ? batch_before + 1 : batch_before;
}

void find_torn_tail(scanned_segment& out, const std::vector<piece>& all) {
  std::uint64_t newest = 0;
  for (const piece& one : all)
    if (one.found) newest = std::max(newest, one.found->head.batch);
  std::uint64_t before = out.head ? out.head->first_batch - 1 : 0;
  bool ended = true;
  if (!out.head) {
    // The segment's head was written together with its first batch.
    const auto first = std::ranges::find_if(all, [](const piece& one) { return one.found.has_value(); });
    if (first == all.end() || first->found->head.batch == newest) out.torn_at = 0;
    if (out.torn_at) return;
    before = first->found->head.batch - 1;
  }
  for (const piece& one : all) {
    if (is_damage(one) && batch_of(one, before, ended) >= newest) {
      out.torn_at = one.offset;
      return;
    }
    if (!one.found) continue;
    before = one.found->head.batch;
    ended = one.found->head.ends_batch;
  }
}

void find_last_batch(scanned_segment& out, const std::vector<piece>& all) {
  std::uint64_t first = 0;
  for (const piece& one : all) {
    if (!one.found || (out.torn_at && one.offset >= *out.torn_at)) continue;
    if (first == 0) first = one.found->head.batch;
    if (one.found->head.batch <= out.last_batch) continue;
    out.last_batch = one.found->head.batch;
    out.last_batch_at = one.found->head.batch == first ? 0 : one.offset;
  }
}

} // namespace

scanned_segment scan_segment(base::bytes_span bytes, const identity& of, std::uint64_t number,
                             bool is_newest) {
  scanned_segment out;
  const std::uint32_t seed = record_seed(of, number);
  if (auto head = decode_segment_head(bytes)) {
    if (head->number == number && head->of == of) {
      out.head = *head;
    } else {
      out.is_foreign = true;
      out.head_problem =
          head->of == of ? "it is another segment, under a wrong name" : "it is of another log";
    }
  } else {
    out.head_problem = "the segment's head: " + head.error().text;
    out.is_other_format = head.error().code == base::errc::unsupported;
  }
  std::vector<piece> all;
  for (std::size_t at = segment_head_size; at < bytes.size(); at += all.back().size)
    all.push_back(read_piece(bytes, at, seed));
  if (is_newest) {
    take_reserved(out, bytes, all);
    find_torn_tail(out, all);
  }
  find_last_batch(out, all);
  if (out.torn_at) {
    std::erase_if(all, [&](const piece& one) { return one.offset >= *out.torn_at; });
    bytes = bytes.first(std::min<std::size_t>(bytes.size(), *out.torn_at));
  }
  for (const piece& one : all) {
    if (!one.whole || one.found->head.what < kind::footer) continue;
    if (one.found->head.what == kind::footer)
      take_footer(out, bytes.subspan(one.offset + record_head_size, one.found->length),
                  one.found->head.term == 1);
  }
  take_end(out, bytes, seed);
  std::erase_if(all, [](const piece& one) { return one.whole && one.found->head.what >= kind::footer; });
  out.pieces = std::move(all);
  return out;
}

} // namespace coppice::durable
