// SPDX-License-Identifier: MIT
// The order of terms without a node at hand: a table in ascending order, and the laws an order obeys.
#include <doctest/doctest.h>

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/text.hpp>

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
      if (ascending[i] == "[1|2]" && ascending[j] == "[1]") continue; // [] is above 2
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
  buffer keys; // a map that is the key of a map that is …
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
