// SPDX-License-Identifier: MIT
// The dynamic term: its values, that it keeps its bytes, and that great depth and size do no harm.
#include <doctest/doctest.h>

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/inflate.hpp>
#include <coppice/etf/term.hpp>
#include <coppice/etf/text.hpp>

#include "samples.hpp"

namespace etf = coppice::etf;
using etf::term;
using samples::buffer;
using samples::hex;

namespace {
term of(std::string_view text) {
  const auto bytes = etf::parse(text);
  REQUIRE_MESSAGE(bytes, bytes.error().text());
  auto made = term::decode(*bytes);
  REQUIRE_MESSAGE(made, made.error().text());
  return std::move(*made);
}
} // namespace

TEST_CASE("decode and encode keep the bytes of any canonical term") {
  std::mt19937_64 random(41);
  for (int i = 0; i < 600; ++i) {
    const buffer bytes = samples::random_term(random, 3);
    const auto value = term::decode(bytes);
    REQUIRE_MESSAGE(value, value.error().text());
    REQUIRE(value->encode() == bytes);
    const term copy = *value;
    REQUIRE(copy.encode() == bytes);
    REQUIRE(copy == *value);
  }
}

TEST_CASE("values are what they were made from") {
  CHECK(term().is_nil());
  CHECK(term::integer(-5).as_integer() == -5);
  CHECK(term::floating(1.5).as_float() == 1.5);
  CHECK(term::boolean(true).as_bool() == true);
  CHECK(term::atom("ok").is_atom("ok"));
  CHECK(term::atom(std::string(100, 'x')).atom_name().size() == 100);
  CHECK(term::binary("hello").as_text() == "hello");
  CHECK(term::string("hello").as_text() == "hello");
  CHECK(term::string("hello").size() == 5);
  CHECK(term::unsigned_integer(UINT64_MAX).kind() == etf::kind::integer);
  CHECK(etf::print(term::unsigned_integer(UINT64_MAX).encode()) == "18446744073709551615");
  CHECK(term::pid({"a@b", 1, 2, 3}).as_pid() == etf::pid{"a@b", 1, 2, 3});
  CHECK(term::port({"a@b", 1, 2}).as_port() == etf::port{"a@b", 1, 2});
  CHECK(term::reference({std::string_view("a@b"), 1, 2, {7, 8}}).as_reference()->words[1] == 8);
  CHECK_FALSE(term::binary(std::string(30, '\x58')).as_pid());
  CHECK(term::list({}).is_nil());
  std::vector<term> bytes;
  for (const char c : std::string_view("ab")) bytes.push_back(term::integer(c));
  CHECK(term::list(bytes).encode() == hex("6b00026162"));
  CHECK(term::improper_list(bytes, term::string("cd")).encode() == hex("6b000461626364"));
  CHECK(term::of(std::pair<int, bool>{1, true}) == of("{1,true}"));
  CHECK(of("{1,true}").as<std::pair<int, bool>>().value() == std::pair<int, bool>{1, true});
}

TEST_CASE("a map finds its keys, few or a thousand, and compares without their order") {
  const term few = of("#{a => 1, {x} => 2, \"s\" => 3, 1.0 => 4, 1 => 5}");
  CHECK(few.find("a")->as_integer() == 1);
  CHECK(few.find(of("{x}"))->as_integer() == 2);
  CHECK(few.find(of("\"s\""))->as_integer() == 3);
  CHECK(few.find(of("1"))->as_integer() == 5);
  CHECK(few.find("b") == nullptr);
  CHECK(few == of("#{1 => 5, 1.0 => 4, \"s\" => 3, {x} => 2, a => 1}"));
  std::vector<std::pair<term, term>> pairs;
  for (int i = 0; i < 1000; ++i)
    pairs.emplace_back(term::tuple({term::integer(i), term::atom("k" + std::to_string(i))}),
                       term::integer(i));
  const term many = term::map(std::move(pairs));
  const term again = term::decode(many.encode()).value();
  for (int i = 0; i < 1000; ++i) {
    const term key = term::tuple({term::integer(i), term::atom("k" + std::to_string(i))});
    REQUIRE(many.find(key)->as_integer() == i);
    REQUIRE(again.find(key)->as_integer() == i);
  }
  CHECK(many.find(term::integer(5)) == nullptr);
}

TEST_CASE("a key that comes twice is an error when a map is made, few or many") {
  CHECK(term::decode(hex("7400000002 770161 6101 770161 6102")).error().code == etf::errc::duplicate_key);
  CHECK(term::decode(hex("7400000002 6b00016178 6101 6c0000000161786a 6102"), {}).error().code !=
        etf::errc::mismatch);
  etf::vector_writer out;
  out.map(100);
  for (int i = 0; i < 100; ++i) out.integer(i == 99 ? 50 : i), out.nil();
  CHECK(term::decode(out.view()).error().code == etf::errc::duplicate_key);
}

TEST_CASE("deep and long terms are built, copied, compared and destroyed on little stack") {
  buffer deep, chain;
  for (int i = 0; i < 10'000; ++i) deep.insert(deep.end(), {104, 2, 106});
  deep.push_back(106);
  for (int i = 0; i < 200'000; ++i) chain.insert(chain.end(), {108, 0, 0, 0, 1, 106});
  chain.insert(chain.end(), {107, 0, 1, 97});
  const auto value = term::decode(deep);
  REQUIRE_MESSAGE(value, value.error().text());
  const term copy = *value;
  CHECK(copy == *value);
  const auto list = term::decode(chain);
  REQUIRE_MESSAGE(list, list.error().text());
  CHECK(list->size() == 200'001);
  CHECK(list->tail() == nullptr);
  term made;
  for (int i = 0; i < 300'000; ++i) {
    std::vector<term> one;
    one.push_back(std::move(made));
    made = term::tuple(std::move(one));
  }
  CHECK(made.encode().size() == 600'001);
}

TEST_CASE("damaged terms are an error or a term, never more") {
  std::mt19937_64 random(43);
  for (int i = 0; i < 5000; ++i) {
    buffer bytes = samples::random_term(random, 3);
    bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    const auto value = term::decode(bytes);
    if (value) value->encode();
  }
  for (const auto& sample : samples::all()) {
    CAPTURE(sample.name);
    CHECK(term::decode(sample.wire));
  }
}

TEST_CASE("no prefix of a sample is a term, a canonical one or a binary") {
  for (const auto& sample : samples::all()) {
    CAPTURE(sample.name);
    for (std::size_t size = 0; size < sample.wire.size(); ++size) {
      const buffer prefix(sample.wire.begin(), sample.wire.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK_FALSE(term::decode(prefix));
      etf::vector_writer out;
      CHECK_FALSE(etf::canonicalise(prefix, out));
      buffer binary = {131};
      binary.insert(binary.end(), prefix.begin(), prefix.end());
      CHECK_FALSE(term::from_binary(binary));
    }
  }
}

TEST_CASE("binaries with 131 are read, compressed or not") {
  const term value =
      of("[\"a text that repeats\",\"a text that repeats\",\"a text that repeats\",\"a text that repeats\"]");
  CHECK(term::from_binary(value.to_binary()).value() == value);
  CHECK(term::from_binary(etf::deflate(value.encode())).value() == value);
  CHECK(term::from_binary(hex("6a")).error().code == etf::errc::bad_tag);
  CHECK(term::from_binary(hex("836a6a")).error().code == etf::errc::trailing);
}
