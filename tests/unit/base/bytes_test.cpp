// SPDX-License-Identifier: MIT
// Byte buffers, integers, randomness and clocks: the guarantees that other code relies on.
#include <doctest/doctest.h>

#include <array>
#include <numeric>
#include <set>
#include <vector>

#include "base/buffer.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"

namespace coppice::base {

TEST_CASE("integers are stored big-endian and come back") {
  std::array<std::uint8_t, 8> raw{};
  store_be16(raw.data(), 0x1234);
  CHECK(raw[0] == 0x12);
  CHECK(load_be16(raw.data()) == 0x1234);
  store_be32(raw.data(), 0xdeadbeef);
  CHECK(raw[0] == 0xde);
  CHECK(load_be32(raw.data()) == 0xdeadbeef);
  store_be64(raw.data(), 0x0102030405060708);
  CHECK(raw[7] == 8);
  CHECK(load_be64(raw.data()) == 0x0102030405060708);
}

TEST_CASE("a buffer keeps the order of what is appended and consumed in pieces") {
  buffer held;
  std::uint8_t written = 0;
  std::uint8_t read = 0;
  for (std::size_t round = 1; round < 200; ++round) {
    for (std::size_t i = 0; i < round; ++i) held.append_u8(written++);
    const std::size_t take = round % 7 == 0 ? held.size() : held.size() / 2;
    for (std::size_t i = 0; i < take; ++i) REQUIRE(held.readable()[i] == read++);
    held.consume(take);
  }
  CHECK(held.size() == static_cast<std::uint8_t>(written - read));
}

TEST_CASE("a buffer that is filled and consumed forever does not grow") {
  buffer held;
  for (int i = 0; i < 10'000; ++i) {
    held.append("0123456789012345678901234567890123456789");
    held.consume(i % 2 == 0 ? 30 : 50);
  }
  CHECK(held.capacity() <= 256);
}

TEST_CASE("prepared room becomes contents only as far as it is committed") {
  buffer held;
  held.append("ab");
  const auto room = held.prepare(100);
  REQUIRE(room.size() >= 100);
  room[0] = 'c';
  held.commit(1);
  CHECK(as_text(held.readable()) == "abc");
}

TEST_CASE("a moved-from buffer is empty and usable") {
  buffer first;
  first.append("abc");
  buffer second = std::move(first);
  CHECK(first.empty());
  first.append_be32(1);
  CHECK(first.size() == 4);
  CHECK(as_text(second.readable()) == "abc");
}

TEST_CASE("shrink gives a large buffer's memory back") {
  buffer held;
  held.prepare(100'000);
  held.shrink(1024);
  CHECK(held.capacity() == 0);
  held.append("x");
  CHECK(held.size() == 1);
}

TEST_CASE("secrets are equal only when every byte is") {
  CHECK(equal_secret(as_bytes("secret"), as_bytes("secret")));
  CHECK_FALSE(equal_secret(as_bytes("secret"), as_bytes("secreT")));
  CHECK_FALSE(equal_secret(as_bytes("secret"), as_bytes("secret1")));
  CHECK(equal_secret({}, {}));
}

TEST_CASE("random numbers below a bound reach all of it and not more") {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_below(5));
  CHECK(seen == std::set<std::uint64_t>{0, 1, 2, 3, 4});
  CHECK(random_u64() != random_u64());
}

TEST_CASE("wiping leaves zeros") {
  std::array<std::uint8_t, 3> secret{1, 2, 3};
  wipe(secret);
  CHECK(secret == std::array<std::uint8_t, 3>{});
}

TEST_CASE("monotonic time never goes back") {
  nanos last = mono_now();
  for (int i = 0; i < 1000; ++i) {
    const nanos now = mono_now();
    REQUIRE(now >= last);
    last = now;
  }
}

TEST_CASE("wall time is printed as RFC 3339 in UTC") {
  CHECK(format_wall(0) == "1970-01-01T00:00:00.000000Z");
  CHECK(format_wall(1'700'000'000 * nanos_per_second + 123'456'789) == "2023-11-14T22:13:20.123456Z");
  CHECK(format_wall(-1) == "1969-12-31T23:59:59.999999Z");
}

TEST_CASE("a timer span is rounded up, never down") {
  CHECK(to_milliseconds(0).count() == 0);
  CHECK(to_milliseconds(-5).count() == 0);
  CHECK(to_milliseconds(1).count() == 1);
  CHECK(to_milliseconds(nanos_per_ms).count() == 1);
  CHECK(to_milliseconds(nanos_per_ms + 1).count() == 2);
}

} // namespace coppice::base
