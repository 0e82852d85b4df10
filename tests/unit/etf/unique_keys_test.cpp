// SPDX-License-Identifier: MIT
// A map that names a key twice is found wherever it is, and nothing else is.
#include <doctest/doctest.h>

#include <coppice/etf/term.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/unique_keys.hpp>
#include <coppice/etf/validate.hpp>

#include "samples.hpp"

namespace etf = coppice::etf;
using samples::buffer;
using samples::hex;

namespace {

// #{Key => 0, …} of encoded keys.
buffer map_of(const std::vector<buffer>& keys) {
  etf::vector_writer out;
  out.map(static_cast<std::uint32_t>(keys.size()));
  for (const auto& key : keys) {
    out.raw(key);
    out.integer(0);
  }
  return out.take();
}

buffer encoded(int number) {
  etf::vector_writer out;
  out.integer(number);
  return out.take();
}

} // namespace

TEST_CASE("a key that comes twice is found, however it is spelled") {
  const buffer a = hex("77 01 61");
  const buffer latin_a = hex("64 0001 61");
  CHECK(etf::has_unique_keys(map_of({a, hex("77 01 62"), hex("6d 00000001 61"), hex("61 01")})));
  CHECK_FALSE(etf::has_unique_keys(map_of({a, hex("77 01 62"), a})));
  CHECK_FALSE(etf::has_unique_keys(map_of({a, latin_a})));
  CHECK_FALSE(etf::has_unique_keys(map_of({hex("61 05"), hex("62 00000005")})));
  CHECK_FALSE(etf::has_unique_keys(map_of({hex("6b 0001 05"), hex("6c 00000001 61 05 6a")})));
  CHECK(etf::has_unique_keys(map_of({hex("61 01"), hex("46 3ff0000000000000")}))); // 1 and 1.0
}

TEST_CASE("in large maps likewise") {
  std::vector<buffer> keys;
  for (int i = 0; i < 500; ++i) keys.push_back(encoded(i));
  CHECK(etf::has_unique_keys(map_of(keys)));
  keys.push_back(hex("62 00000007"));
  CHECK_FALSE(etf::has_unique_keys(map_of(keys)));
}

TEST_CASE("it is found at every place of a term, of a fun too") {
  const buffer twice = map_of({hex("61 01"), hex("61 01")});
  const auto within = [&](const char* before, const char* after) {
    buffer term = hex(before);
    term.insert(term.end(), twice.begin(), twice.end());
    const buffer rest = hex(after);
    term.insert(term.end(), rest.begin(), rest.end());
    if (term[0] == 112) term[4] = static_cast<std::uint8_t>(term.size() - 1);
    REQUIRE(etf::validate(term));
    CHECK_FALSE(etf::has_unique_keys(term));
  };
  within("68 02 61 01", "");
  within("6c 00000001", "6a");
  within("6c 00000001 61 01", "");
  within("74 00000001 61 01", "");
  within("74 00000001", "61 01");
  within(
      "70 00000000 01 00112233445566778899aabbccddeeff 00000007 00000002 77 01 61 61 07 62 00010203 58 77 01 "
      "61 "
      "00000007 00000001 00000100 61 01",
      "");
}

TEST_CASE("maps of random keys have them once if no two are equal, and decode just then") {
  std::mt19937_64 random(31);
  std::vector<buffer> pool;
  for (int i = 0; i < 200; ++i) pool.push_back(samples::random_term(random, 1));
  int once = 0;
  for (int i = 0; i < 1000; ++i) {
    std::vector<buffer> keys(1 + random() % 30);
    for (auto& key : keys) key = pool[random() % pool.size()];
    const buffer term = map_of(keys);
    const bool expected = etf::term::decode(term).has_value();
    CHECK(etf::has_unique_keys(term) == expected);
    once += expected;
  }
  CHECK(once > 100);
  CHECK(once < 900);
}
