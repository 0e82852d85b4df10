// SPDX-License-Identifier: MIT
// A map that names a key twice is found wherever it is, and nothing else is.
#include <doctest/doctest.h>

#include <coppice/etf/canonical_stream.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/term.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/unique_keys.hpp>
#include <coppice/etf/validate.hpp>
#include <set>

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

// What a node says of it that was sent it.
etf::result<void> entered(const buffer& term) {
  etf::vector_writer out;
  return etf::canonicalise(term, out);
}
etf::result<void> entered_in_pieces(etf::bytes term, std::size_t size) {
  etf::vector_writer out;
  etf::canonical_stream stream(out);
  for (; !term.empty(); term = term.subspan(std::min(size, term.size()))) {
    // From memory of its own, so that a sanitizer sees whoever looks behind it.
    const etf::bytes part = term.first(std::min(size, term.size()));
    if (auto fed = stream.feed(buffer(part.begin(), part.end())); !fed) return fed;
  }
  return stream.finish();
}
bool is_refused(const etf::result<void>& of) {
  return !of && of.error().code == etf::errc::duplicate_key;
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

TEST_CASE("a term that names a key twice does not enter, whole or in pieces, and the error names the key") {
  const buffer twice =
      etf::parse("{a, [#{k => 0, {x, \"yz\"} => 1}], #{2 => <<\"long\">>, 3 => #{}}}").value();
  REQUIRE(entered(twice));
  const std::vector<std::pair<const char*, const char*>> bad = {
      {"68 02 61 01 74 00000002 61 01 61 01 61 01 61 01", "names 1 twice at byte 4"},
      {"74 00000002 64 0001 61 6a 77 01 61 6a", "names a twice"},
      {"74 00000002 6b 0002 0102 6a 6c 00000002 61 01 61 02 6a 6a", "names [1,2] twice"},
      {"74 00000002 6c 00000001 61 01 6b 0001 02 6a 6c 00000002 61 01 61 02 6a 6a", "twice"},
      {"74 00000002 74 00000002 61 01 6a 61 02 6a 6a 74 00000002 61 02 6a 61 01 6a 6a", "twice"},
      {"74 00000001 74 00000002 61 01 6a 61 01 6a 6a", "names 1 twice at byte 5"},
      {"74 00000002 6a 6a 61 01 74 00000002 61 07 6a 61 07 6a", "names 7 twice"},
      // The last value is longer than a piece.
      {"74 00000002 61 01 6a 61 01 6d 00000010 00112233445566778899aabbccddeeff", "names 1 twice"},
  };
  for (const auto& each : bad) {
    CAPTURE(each.first);
    const buffer term = hex(each.first);
    REQUIRE(is_refused(entered(term)));
    CHECK(entered(term).error().text().find(each.second) != std::string::npos);
    for (std::size_t size = 1; size <= term.size(); ++size) CHECK(is_refused(entered_in_pieces(term, size)));
  }
  for (std::size_t size = 1; size <= twice.size(); ++size) CHECK(entered_in_pieces(twice, size));
}

TEST_CASE("a key as long as one may be is named by its beginning") {
  buffer key = hex("6d 00010000");
  key.resize(5 + 65536, 'x');
  const auto said = entered(map_of({key, key}));
  REQUIRE(is_refused(said));
  CHECK(said.error().text().size() < 400);
}

TEST_CASE("random maps enter if their keys are unique, whatever the cuts") {
  std::mt19937_64 random(37);
  std::vector<buffer> pool;
  for (int i = 0; i < 120; ++i) pool.push_back(samples::random_term(random, 2));
  int refused = 0;
  for (int i = 0; i < 600; ++i) {
    std::vector<buffer> keys(2 + random() % 40);
    for (auto& key : keys) key = pool[random() % pool.size()];
    const buffer term = map_of({map_of(keys), pool[0]});
    bool expected = true; // compared each with each, and not by hashes
    for (std::size_t j = 0; j < keys.size(); ++j)
      for (std::size_t k = 0; k < j; ++k) expected = expected && !etf::equal_exact(keys[j], keys[k]);
    CHECK(is_refused(entered(term)) == !expected);
    CHECK(is_refused(entered_in_pieces(term, 1 + random() % 50)) == !expected);
    refused += !expected;
  }
  CHECK(refused > 100);
  CHECK(refused < 500);
}

// Each level of the naive way would look through all levels below it, or do so more than once.
TEST_CASE("maps nested thousands of times in keys and values are looked through once") {
  constexpr int levels = 9000;
  buffer values, keys, ends;
  for (int i = 0; i < levels; ++i) {
    values.insert(values.end(), {116, 0, 0, 0, 2, 97, 1, 97, 1, 97, 2}); // #{1 => 1, 2 => #{…}}
    keys.insert(keys.end(), {116, 0, 0, 0, 2});                          // #{#{…} => [], 1 => 1}
    ends.insert(ends.end(), {106, 97, 1, 97, 1});
  }
  values.push_back(106);
  keys.push_back(106);
  keys.insert(keys.end(), ends.begin(), ends.end());
  CHECK(entered(values));
  CHECK(entered(keys));
  CHECK(entered_in_pieces(keys, 100));
  keys.back() = 97, keys.pop_back(); // the outermost map's last pair: a value that is missing
  CHECK_FALSE(entered(keys));
}

TEST_CASE("a map of a million keys enters, and with one of them twice it does not") {
  std::vector<buffer> keys;
  for (int i = 0; i < 1'000'000; ++i) keys.push_back(encoded(i));
  CHECK(entered(map_of(keys)));
  keys.push_back(encoded(499'999));
  CHECK(is_refused(entered(map_of(keys))));
}

TEST_CASE("terms that match have one hash for tables, and random others have others") {
  const auto hash = [](std::string_view text) { return etf::equality_hash(etf::parse(text).value()); };
  CHECK(hash("#{a => 1, b => #{c => [1, 2]}}") == hash("#{b => #{c => [1, 2]}, a => 1}"));
  CHECK(hash("[1, 2]") != hash("[2, 1]"));
  CHECK(hash("{1, 2}") != hash("[1, 2]"));
  CHECK(hash("#{a => b}") != hash("#{b => a}"));
  CHECK(hash("1") != hash("1.0"));
  CHECK(etf::equality_hash(hex("6b 0002 01 02")) == etf::equality_hash(hex("6c 00000002 61 01 61 02 6a")));
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(etf::equality_hash(encoded(i)));
  CHECK(seen.size() == 1000);
}
