// SPDX-License-Identifier: MIT
// A map that has a key twice is found wherever it is, and no other term is refused.
#include <doctest/doctest.h>

#include <array>

#include <coppice/etf/canonical_stream.hpp>
#include <coppice/etf/hash.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/term.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/unique_keys.hpp>
#include <coppice/etf/validate.hpp>
#include <set>
#include <unordered_set>

#include "samples.hpp"

namespace etf = coppice::etf;
using samples::buffer;
using samples::hex;

namespace {

// #{Key => 0, …}. `keys`: encoded.
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

// The result of canonicalise(), with which a node checks what it was sent.
etf::result<void> entered(const buffer& term) {
  etf::vector_writer out;
  return etf::canonicalise(term, out);
}
etf::result<void> entered_in_pieces(etf::bytes term, std::size_t size) {
  etf::vector_writer out;
  etf::canonical_stream stream(out);
  for (; !term.empty(); term = term.subspan(std::min(size, term.size()))) {
    // Each piece is an allocation of its own, so that a sanitizer reports reads beyond it.
    const etf::bytes part = term.first(std::min(size, term.size()));
    if (auto fed = stream.feed(buffer(part.begin(), part.end())); !fed) return fed;
  }
  return stream.finish();
}
bool is_refused(const etf::result<void>& of) {
  return !of && of.error().code == etf::errc::duplicate_key;
}

// {X,[],[]} and [X,[]], which a hash that mixes in type and length like elements takes for equal.
buffer in_tuple(const buffer& x) {
  buffer made = hex("68 03");
  made.insert(made.end(), x.begin(), x.end());
  made.insert(made.end(), {106, 106});
  return made;
}
buffer in_list(const buffer& x) {
  buffer made = hex("6c 00000002");
  made.insert(made.end(), x.begin(), x.end());
  made.insert(made.end(), {106, 106});
  return made;
}
// 2^levels different terms. Each of them is one of the two forms above at every level.
std::vector<buffer> chains(unsigned levels) {
  std::vector<buffer> all{hex("61 01")};
  for (unsigned level = 0; level < levels; ++level) {
    std::vector<buffer> next;
    for (const auto& inner : all) {
      next.push_back(in_tuple(inner));
      next.push_back(in_list(inner));
    }
    all = std::move(next);
  }
  return all;
}
// [A, B, [C|D]] with the same four numbers in two orders each. A hash that does not distinguish the hash so
// far from the next element takes them for equal.
std::vector<buffer> exchanged() {
  std::vector<buffer> all;
  for (std::uint8_t i = 0; i < 100; ++i) {
    for (const auto& [a, b, c, d] : {std::array<std::uint8_t, 4>{i, 201, 202, 203}, {202, 203, i, 201}}) {
      const buffer one{108, 0, 0, 0, 3, 97, a, 97, b, 108, 0, 0, 0, 1, 97, c, 97, d, 106};
      all.push_back(one);
    }
  }
  return all;
}

struct bad_input {
  const char* what;
  buffer term;
};
// Maps that cost the most for their number of bytes. Each has up to 1 MB.
std::vector<bad_input> bad_inputs() {
  std::vector<bad_input> all;
  std::vector<buffer> pairs;
  for (int i = 0; i < 40'000; ++i) {
    pairs.push_back(in_tuple(encoded(i)));
    pairs.push_back(in_list(encoded(i)));
  }
  all.push_back({"tuples and lists in pairs", map_of(pairs)});
  all.push_back({"chains of tuples and lists", map_of(chains(12))});
  all.push_back({"elements exchanged", map_of(exchanged())});
  std::vector<buffer> numbers;
  for (int i = 0; i < 100'000; ++i) numbers.push_back(encoded(i * 16'384));
  all.push_back({"multiples", map_of(numbers)});
  std::vector<buffer> wide;
  for (std::uint8_t i = 0; i < 32; ++i) {
    buffer key = hex("6d 00007530");
    key.resize(5 + 30'000, 'x');
    key.back() = i;
    wide.push_back(key);
  }
  all.push_back({"long keys that differ at their end", map_of(wide)});
  wide.push_back(wide[7]);
  all.push_back({"a long key that comes twice", map_of(wide)});
  std::vector<buffer> improper;
  for (std::uint8_t i = 0; i < 200; ++i) {
    buffer key;
    for (int depth = 0; depth < 300; ++depth) key.insert(key.end(), {108, 0, 0, 0, 1, 97, 1});
    key.insert(key.end(), {97, i});
    improper.push_back(key);
  }
  all.push_back({"improper lists, each the tail of another", map_of(improper)});
  buffer deep_values, deep_keys, ends;
  for (int i = 0; i < 9'000; ++i) {
    deep_values.insert(deep_values.end(), {116, 0, 0, 0, 2, 97, 1, 97, 1, 97, 2});
    deep_keys.insert(deep_keys.end(), {116, 0, 0, 0, 2});
    ends.insert(ends.end(), {106, 97, 1, 97, 1});
  }
  deep_values.push_back(106);
  deep_keys.push_back(106);
  deep_keys.insert(deep_keys.end(), ends.begin(), ends.end());
  all.push_back({"maps deep in values", deep_values});
  all.push_back({"maps deep in keys", deep_keys});
  buffer nested = hex("6a"); // 33 keys a level, so each level has a table of its own
  for (int level = 0; level < 200; ++level) {
    std::vector<buffer> keys;
    for (int i = 0; i < 32; ++i) keys.push_back(encoded(i));
    keys.push_back(std::move(nested));
    nested = map_of(keys);
  }
  all.push_back({"tables within tables, in keys", nested});
  return all;
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
    bool expected = true; // compared pairwise, not by hashes
    for (std::size_t j = 0; j < keys.size(); ++j)
      for (std::size_t k = 0; k < j; ++k) expected = expected && !etf::equal_exact(keys[j], keys[k]);
    CHECK(is_refused(entered(term)) == !expected);
    CHECK(is_refused(entered_in_pieces(term, 1 + random() % 50)) == !expected);
    refused += !expected;
  }
  CHECK(refused > 100);
  CHECK(refused < 500);
}

// A naive check would look through all deeper levels at each level, or do that more than once.
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
  keys.back() = 97, keys.pop_back(); // the last value of the outermost map is missing now
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

TEST_CASE("no two terms have one hash by how they are built") {
  std::vector<buffer> all = chains(10);
  for (auto& one : exchanged()) all.push_back(std::move(one));
  for (const char* text : {"[]", "{}", "#{}", "[[]]", "{[]}", "[[],[]]", "{[],[]}", "[[]|1]", "#{[] => []}",
                           "#{[] => [], {} => {}}", "#{[] => {}, {} => []}", "<<>>", "[1,2,3]", "{1,2,3}"})
    all.push_back(etf::parse(text).value());
  std::unordered_set<std::uint64_t> seen;
  for (const auto& one : all) seen.insert(etf::equality_hash(one));
  CHECK(seen.size() == all.size());
}

// The first bytes are chosen so that they would cancel a length that is mixed in like them.
TEST_CASE("no two byte strings of different lengths have one hash by how they are built") {
  std::unordered_set<std::uint64_t> seen;
  std::size_t made = 0;
  for (std::uint64_t length = 1; length <= 64; ++length, ++made) {
    std::vector<std::uint8_t> text(length, 'x');
    const std::uint64_t first = length * 0x9E3779B97F4A7C15U;
    if (length >= 8) std::memcpy(text.data(), &first, 8);
    seen.insert(etf::table_hash(text));
  }
  CHECK(seen.size() == made);
}

TEST_CASE("what bad maps cost is in proportion to their bytes, whole and in pieces") {
  for (const auto& one : bad_inputs()) {
    const auto& term = one.term;
    CAPTURE(one.what);
    etf::key_checker whole, pieces;
    const auto said = whole.pass(term);
    CHECK(whole.steps() <= 8 * term.size());
    CHECK(whole.held() <= 16 * term.size());
    std::uint64_t most = 0, before = 0;
    constexpr std::size_t piece = 16'384;
    bool good = true;
    for (std::size_t size = piece; good && size < term.size() + piece; size += piece) {
      good = pieces.pass(etf::bytes(term).first(std::min(size, term.size()))).has_value();
      most = std::max(most, pieces.steps() - before);
      before = pieces.steps();
    }
    CHECK(good == said.has_value());
    CHECK(pieces.steps() == whole.steps());
    CHECK(most <= 150'000); // for the division of a large table, and the keys in a piece
  }
}

TEST_CASE("no single key of a large map pays for those before it") {
  constexpr std::uint64_t count = 3'000'000;
  etf::detail::seen_keys table;
  std::size_t most = 0, all = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t hash = etf::table_hash(i, 1, 2);
    const std::size_t steps = table.add({hash, i}, count, [](const auto&) { return true; });
    most = std::max(most, steps);
    all += steps;
  }
  CHECK(most < 100'000);
  CHECK(all < 8 * count);
  CHECK(table.held() < 48 * count);
  bool found = false;
  table.add({etf::table_hash(17, 1, 2), 0}, count, [&](const auto& earlier) {
    found = earlier.offset == 17;
    return false;
  });
  CHECK(found);
}

TEST_CASE("keys of one hash are asked about until one is the same") {
  etf::detail::seen_keys table;
  std::size_t asked = 0;
  for (std::size_t i = 0; i < 20; ++i)
    table.add({5, i}, 20, [&](const auto& earlier) { return ++asked, earlier.offset < 100; });
  CHECK(asked == 190);
  table.add({5, 100}, 20, [&](const auto&) { return false; });
  CHECK(asked == 190);
}
