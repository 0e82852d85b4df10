// SPDX-License-Identifier: MIT
// Compressed terms: whole ones are read, and false sizes and compression bombs take no memory.
#include <doctest/doctest.h>

#include <coppice/etf/inflate.hpp>
#include <coppice/etf/wire.hpp>
#include <coppice/etf/writer.hpp>

#include "samples.hpp"

namespace etf = coppice::etf;
using samples::buffer;

namespace {

buffer compressed(std::size_t size) {
  etf::vector_writer out;
  out.binary(std::string(size, 'x'));
  buffer packed = etf::deflate(out.view(), 9);
  packed.erase(packed.begin());
  return packed;
}

} // namespace

TEST_CASE("what was deflated inflates to the same term") {
  for (const std::size_t size : {100U, 16'384U, 1'000'000U}) {
    const buffer packed = compressed(size);
    REQUIRE(etf::is_compressed(packed));
    const auto plain = etf::inflate(packed);
    REQUIRE_MESSAGE(plain, plain.error().text());
    CHECK(plain->size() == size + 5);
  }
}

TEST_CASE("no prefix inflates, and bytes behind are an error unless asked for") {
  buffer packed = compressed(5000);
  for (std::size_t size = 0; size < packed.size(); ++size) {
    CHECK_FALSE(etf::inflate(buffer(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size))));
  }
  const std::size_t whole = packed.size();
  packed.push_back(1);
  CHECK(etf::inflate(packed).error().code == etf::errc::trailing);
  std::size_t consumed = 0;
  CHECK(etf::inflate(packed, {}, &consumed));
  CHECK(consumed == whole);
}

TEST_CASE("a bomb is refused by its claim, by its lie, or by the limit") {
  buffer bomb = compressed(1'000'000);
  REQUIRE(bomb.size() < 1100);
  etf::wire::store32(bomb.data() + 1, 1U << 30);
  CHECK(etf::inflate(bomb).error().code == etf::errc::too_large);
  etf::limits open;
  open.bytes = std::size_t{4} << 30;
  CHECK(etf::inflate(bomb, open).error().code ==
        etf::errc::bad_value); // more than deflate can pack into these bytes
  etf::wire::store32(bomb.data() + 1, 100);
  CHECK(etf::inflate(bomb).error().code == etf::errc::bad_value); // there is more than it claimed
  etf::wire::store32(bomb.data() + 1, 999'999);
  CHECK_FALSE(etf::inflate(bomb));
  etf::wire::store32(bomb.data() + 1, 1'000'006);
  CHECK_FALSE(etf::inflate(bomb));
  etf::limits small;
  small.bytes = 1000;
  CHECK(etf::inflate(compressed(5000), small).error().code == etf::errc::too_large);
}

TEST_CASE("what is much larger than what was sent is refused, but for what is small all the same") {
  etf::limits bounds;
  REQUIRE(compressed(3'000'000).size() * bounds.inflate_ratio < 3'000'000);
  CHECK(etf::inflate(compressed(3'000'000)));
  const buffer bomb = compressed(5'000'000);
  const auto refused = etf::inflate(bomb);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == etf::errc::too_large);
  bounds.inflate_ratio = 2000;
  CHECK(etf::inflate(bomb, bounds).value().size() == 5'000'005);
}

TEST_CASE("in slices it is the same, and none of them is long") {
  const buffer packed = compressed(1'000'000);
  etf::inflater in(packed);
  buffer all;
  for (;;) {
    const auto slice = in.next();
    REQUIRE(slice);
    if (slice->empty()) break;
    CHECK(slice->size() <= 65'536);
    all.insert(all.end(), slice->begin(), slice->end());
  }
  CHECK(all == etf::inflate(packed).value());
  CHECK(in.consumed() == packed.size());
}

TEST_CASE("damaged streams are errors") {
  const buffer good = compressed(5000);
  std::size_t refused = 0;
  for (std::size_t at = 5; at < good.size(); ++at) {
    buffer bad = good;
    bad[at] ^= 0x55;
    const auto plain = etf::inflate(bad);
    // Some bits of a stream can change without an effect.
    if (plain)
      CHECK(*plain == etf::inflate(good).value());
    else
      ++refused;
  }
  CHECK(refused > (good.size() - 5) / 2);
}
