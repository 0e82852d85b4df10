// SPDX-License-Identifier: MIT
// The bytes of the log's files: the format does not change, and another format is distinguished from damage.
#include "durable/format.hpp"

#include <doctest/doctest.h>

#include "base/crc32c.hpp"

using namespace coppice;
using namespace coppice::durable;

namespace {

const identity id{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

std::string with_format(std::string bytes, std::uint32_t format) {
  auto* const at = reinterpret_cast<std::uint8_t*>(bytes.data());
  base::store_be32(at + 8, format);
  base::store_be32(at + bytes.size() - 4, base::crc32c({at, bytes.size() - 4}));
  return bytes;
}

} // namespace

TEST_CASE("identity and heads are read as they were written, and nothing else is") {
  std::string bytes = encode_identity(id);
  CHECK(bytes.size() == identity_size);
  CHECK(*decode_identity(base::as_bytes(bytes)) == id);
  CHECK(text_of(id) == "0102030405060708090a0b0c0d0e0f10");
  CHECK(decode_identity(base::as_bytes(with_format(bytes, 2))).error().code == base::errc::unsupported);
  bytes = encode_segment_head({id, 3, 4, 5});
  REQUIRE(bytes.size() == segment_head_size);
  const auto head = decode_segment_head(base::as_bytes(bytes));
  REQUIRE(head);
  CHECK(head->of == id);
  CHECK(head->number == 3);
  CHECK(head->first_batch == 4);
  CHECK(head->next_group == 5);
  CHECK(decode_segment_head(base::as_bytes(with_format(bytes, 2))).error().code == base::errc::unsupported);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string other = bytes;
    other[i] = static_cast<char>(other[i] ^ 4);
    CHECK(!decode_segment_head(base::as_bytes(other)));
  }
}

TEST_CASE("a record counts in its own segment of its own log only") {
  std::string bytes;
  encode_record(bytes, record_seed(id, 1), {kind::entry, true, 1, 2, 3, 4, 5}, "body");
  const auto read = decode_head(base::as_bytes(bytes), record_seed(id, 1));
  REQUIRE(read);
  CHECK(read->head.ends_batch);
  CHECK(read->head.term == 5);
  CHECK(has_right_body(*read, base::as_bytes("body"), record_seed(id, 1)));
  CHECK(!decode_head(base::as_bytes(bytes), record_seed(id, 2)));
  CHECK(!decode_head(base::as_bytes(bytes), record_seed({}, 1)));
}

TEST_CASE("names of segments are sixteen digits") {
  CHECK(segment_name(255) == "00000000000000ff.log");
  CHECK(segment_number("00000000000000ff.log") == 255);
  for (const char* name :
       {"ff.log", "00000000000000FF.log", "00000000000000ff", "0000000000000000.log", "lock"})
    CHECK(!segment_number(name));
}

TEST_CASE("numbers that no writer reaches are refused: nothing can be counted on from them") {
  const identity log{1};
  const std::uint32_t seed = record_seed(log, 1);
  const auto reads = [&](const record& head) {
    std::string bytes;
    encode_record(bytes, seed, head, "");
    return decode_head(base::as_bytes(bytes), seed).has_value();
  };
  record head;
  head.batch = head.group = head.serial = last_number;
  CHECK(reads(head));
  for (std::uint64_t record::*number : {&record::batch, &record::group, &record::serial}) {
    record wrong = head;
    wrong.*number = last_number + 1;
    CHECK(!reads(wrong));
  }
  CHECK(decode_segment_head(base::as_bytes(encode_segment_head({log, 1, last_number, last_number + 1}))));
  CHECK(!decode_segment_head(base::as_bytes(encode_segment_head({log, 1, last_number + 1, 1}))));
  CHECK(!decode_segment_head(base::as_bytes(encode_segment_head({log, 1, 1, last_number + 2}))));
  CHECK(segment_number(segment_name(last_number)) == last_number);
  CHECK(!segment_number(segment_name(last_number + 1)));
  std::string footer;
  encode_footer(footer, 0, seed, 1, {{last_number, 1}, {last_number + 1, 1}}, true);
  CHECK(decode_footer(base::as_bytes(footer).subspan(record_head_size, 2 * footer_item_size)).size() == 1);
}
