// SPDX-License-Identifier: MIT
// The library compared with a real node: bytes, order, hash and text, with random terms in both directions.
// The seed is fixed, so that a failure can be repeated; COPPICE_ETF_SEED and COPPICE_ETF_TERMS choose another
// run.
#include <cstdio>
#include <cstdlib>

#include <doctest/doctest.h>

#include <coppice/etf/canonical.hpp>
#include <coppice/etf/inflate.hpp>
#include <coppice/etf/order.hpp>
#include <coppice/etf/term.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/unique_keys.hpp>
#include <coppice/etf/wire.hpp>

#include "otp_peer.hpp"
#include "samples.hpp"

namespace etf = coppice::etf;
using samples::buffer;

namespace {

otp_peer& peer() {
  static otp_peer one;
  return one;
}

#define NEEDS_OTP                                                      \
  if (!peer().available()) {                                           \
    std::puts("SKIP against a real node: no erl that starts is here"); \
    return;                                                            \
  }

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}
std::uint64_t seed() {
  return setting("COPPICE_ETF_SEED", 1);
}
std::uint64_t rounds() {
  return setting("COPPICE_ETF_TERMS", 500);
}

buffer with_version(etf::bytes term) {
  buffer out = {131};
  out.insert(out.end(), term.begin(), term.end());
  return out;
}
etf::bytes without_version(const buffer& binary) {
  return etf::bytes(binary).subspan(1);
}

/// The canonical form of what the node wrote. OTP 25 writes some atoms with Latin-1 tags.
buffer canonical(etf::bytes term) {
  etf::vector_writer out;
  const auto good = etf::canonicalise(term, out);
  REQUIRE_MESSAGE(good, good.error().text());
  return out.take();
}

std::string shown(etf::bytes term) {
  etf::print_options how;
  how.most = 2000;
  return etf::print(term, how);
}

std::uint32_t number(const buffer& answer, std::size_t at) {
  REQUIRE(answer.size() >= at + 4);
  return etf::wire::load32(answer.data() + at);
}

/// phash2 of the node. `at`: 0, 4 or 8, for a range of 2^27, 2^32 or 1000.
std::uint32_t hash_of(etf::bytes term, std::size_t at) {
  return number(peer().ask('h', with_version(term)), at);
}

bool has_map(etf::bytes term) {
  return std::find(term.begin(), term.end(), 116) != term.end();
}

} // namespace

TEST_CASE("a node writes our terms the way we do") {
  NEEDS_OTP
  std::mt19937_64 random(seed());
  for (std::uint64_t i = 0; i < rounds(); ++i) {
    const buffer term = samples::random_term(random);
    REQUIRE(etf::is_canonical(term));
    const buffer back = peer().ask('b', with_version(term));
    REQUIRE_MESSAGE(!back.empty(), samples::to_hex(term));
    const buffer theirs = canonical(without_version(back));
    if (has_map(term))
      REQUIRE_MESSAGE(etf::equal_exact(theirs, term), etf::print(term));
    else
      REQUIRE(samples::to_hex(theirs) == samples::to_hex(term));
  }
}

TEST_CASE("what a node writes is read whole and comes back byte for byte") {
  NEEDS_OTP
  for (std::uint64_t i = 0; i < rounds() / 30; ++i) {
    const buffer from = peer().ask('r', std::to_string(seed() + i));
    REQUIRE(!from.empty());
    const buffer term = canonical(without_version(from));
    CHECK(peer().ask('b', with_version(term)) == from);
    const auto value = etf::term::decode(term);
    REQUIRE_MESSAGE(value, value.error().text());
    CHECK(value->encode() == term);
    const auto text = etf::parse(etf::print(term));
    REQUIRE_MESSAGE(text, text.error().text());
    CHECK(*text == term);
    etf::print_options lines;
    lines.pretty = true;
    const auto broken = etf::parse(etf::print(term, lines));
    REQUIRE_MESSAGE(broken, broken.error().text());
    CHECK(*broken == term);
  }
}

TEST_CASE("every sample is what the node takes it for") {
  NEEDS_OTP
  for (const auto& sample : samples::all()) {
    CAPTURE(sample.name);
    const buffer back = peer().ask('b', with_version(sample.wire));
    // The node has no such module; and a list whose tail is a list comes back in another form.
    if (sample.name == "NEW_FUN" || sample.name.starts_with("LIST ")) continue;
    REQUIRE(!back.empty());
    const buffer returned = canonical(without_version(back));
    const buffer sent = canonical(sample.wire);
    CHECK(etf::equal_exact(returned, sent));
    // The order in which a map's keys are written differs between releases.
    if (!sample.name.starts_with("MAP")) CHECK(samples::to_hex(returned) == samples::to_hex(sent));
  }
}

TEST_CASE("order and equality are the node's") {
  NEEDS_OTP
  std::mt19937_64 random(seed() + 7);
  buffer last = samples::random_term(random, 2);
  for (std::uint64_t i = 0; i < rounds(); ++i) {
    buffer next = samples::random_term(random, 2);
    if (i % 5 == 0) next = canonical(last);
    etf::vector_writer both;
    both.version();
    both.tuple(2);
    both.raw(last);
    both.raw(next);
    const buffer answer = peer().ask('c', both.view());
    REQUIRE(answer.size() == 3);
    const int order = etf::compare(last, next);
    CAPTURE(shown(last));
    CAPTURE(shown(next));
    REQUIRE((order < 0 ? '<' : order == 0 ? '=' : '>') == static_cast<char>(answer[0]));
    REQUIRE(etf::equal_loose(last, next) == (answer[1] != 0));
    REQUIRE(etf::equal_exact(last, next) == (answer[2] != 0));
    last = next;
  }
}

namespace {

// Has few different keys and values, so that two such maps often differ only deep inside.
buffer small_map(std::mt19937_64& random, int depth) {
  static const std::vector<std::string> leaves = {"1", "1.0", "2", "a", "b", "[]", "\"ab\"", "{1,a}"};
  etf::vector_writer out;
  const auto one = [&] {
    if (depth != 0 && random() % 2 == 0)
      out.raw(small_map(random, depth - 1));
    else
      out.raw(etf::parse(leaves[random() % leaves.size()]).value());
  };
  const auto pairs = static_cast<std::uint32_t>(1 + random() % 3);
  out.map(pairs);
  for (std::uint32_t i = 0; i < 2 * pairs; ++i) one();
  return etf::has_unique_keys(out.view()) ? out.take() : small_map(random, depth);
}

} // namespace

TEST_CASE("maps within keys of maps are ordered as the node orders them") {
  NEEDS_OTP
  std::mt19937_64 random(seed() + 11);
  std::vector<buffer> all;
  for (std::uint64_t i = 0; i < rounds(); ++i) {
    all.push_back(small_map(random, 3));
    const buffer& next = all.back();
    const buffer& other = all[random() % all.size()];
    etf::vector_writer both;
    both.version();
    both.tuple(2);
    both.raw(other);
    both.raw(next);
    const buffer answer = peer().ask('c', both.view());
    REQUIRE(answer.size() == 3);
    const int order = etf::compare(other, next);
    CAPTURE(shown(other));
    CAPTURE(shown(next));
    REQUIRE((order < 0 ? '<' : order == 0 ? '=' : '>') == static_cast<char>(answer[0]));
    REQUIRE(etf::equal_exact(other, next) == (answer[2] != 0));
  }
}

TEST_CASE("near numbers and identities are ordered as the node orders them") {
  NEEDS_OTP
  const std::vector<std::string> texts = {"0",
                                          "0.0",
                                          "1",
                                          "1.0",
                                          "9007199254740993",
                                          "9007199254740992.0",
                                          "9007199254740994.0",
                                          "1.0e300",
                                          "-1.0e300",
                                          "0.5",
                                          "-0.5",
                                          "-1",
                                          "16#100000000000000000000",
                                          "1208925819614629174706176.0",
                                          "1.7976931348623157e308",
                                          "5.0e-324",
                                          "#Pid<a@b.300.1.2>",
                                          "#Pid<a@b.300.2.1>",
                                          "#Pid<b@b.300.1.1>",
                                          "#Pid<a@b.301.1.1>",
                                          "#Ref<a@b.300.1.2.3>",
                                          "#Ref<a@b.300.3.2.1>",
                                          "#Ref<b@b.300.1.1.1>",
                                          "#Ref<a@b.300.5.6>",
                                          "#Ref<a@b.301.1.2.3>",
                                          "#Port<a@b.300.1>",
                                          "#Port<b@b.300.1>",
                                          "#Port<a@b.300.2>",
                                          "#{1 => a}",
                                          "#{1.0 => a}",
                                          "#{a => 1}",
                                          "#{a => 1.0}",
                                          "#{a => 1,b => 2}",
                                          "#{b => 2,c => 1}",
                                          "fun lists:map/2",
                                          "fun lists:map/3",
                                          "fun a:b/1",
                                          "[]",
                                          "[a]",
                                          "[a|b]",
                                          "[a,b]",
                                          "\"ab\"",
                                          "[97|b]",
                                          "[97,98.0]",
                                          "[97]",
                                          "<<>>",
                                          "<<1:1>>",
                                          "<<1>>",
                                          "<<1,1:1>>",
                                          "<<128>>",
                                          "{}",
                                          "{a}",
                                          "{1,2}",
                                          "''",
                                          "a",
                                          "b",
                                          "'\xC3\xA9'",
                                          "\"a\""};
  for (const std::string& x : texts) {
    for (const std::string& y : texts) {
      const auto a = etf::parse(x), b = etf::parse(y);
      REQUIRE(a);
      REQUIRE(b);
      etf::vector_writer both;
      both.version();
      both.tuple(2);
      both.raw(*a);
      both.raw(*b);
      const buffer answer = peer().ask('c', both.view());
      REQUIRE(answer.size() == 3);
      const int order = etf::compare(*a, *b);
      CAPTURE(x);
      CAPTURE(y);
      CHECK((order < 0 ? '<' : order == 0 ? '=' : '>') == static_cast<char>(answer[0]));
      CHECK(etf::equal_exact(*a, *b) == (answer[2] != 0));
    }
  }
}

TEST_CASE("phash2 is the node's") {
  NEEDS_OTP
  std::mt19937_64 random(seed() + 13);
  for (std::uint64_t i = 0; i < rounds(); ++i) {
    const buffer term = samples::random_term(random, i % 2 == 0 ? 1 : 4);
    const buffer answer = peer().ask('h', with_version(term));
    REQUIRE(answer.size() == 12);
    CAPTURE(shown(term));
    REQUIRE(etf::phash2(term) == number(answer, 0));
    REQUIRE(etf::phash2(term, 0) == number(answer, 4));
    REQUIRE(etf::phash2(term, 1000) == number(answer, 8));
  }
}

TEST_CASE("phash2 of local funs is that of the node they are from") {
  NEEDS_OTP
  const buffer all = peer().ask('l', std::string_view());
  REQUIRE(!all.empty());
  const buffer term = canonical(without_version(all));
  etf::cursor in{etf::bytes(term)};
  std::uint32_t length = 0;
  REQUIRE(in.read_list(length));
  CHECK(length == 8);
  for (; length != 0; --length) {
    etf::bytes fun;
    REQUIRE(in.read_term(fun));
    CAPTURE(length);
    CHECK(etf::phash2(fun) == hash_of(fun, 0));
    CHECK(etf::phash2(fun, 0) == hash_of(fun, 4));
  }
}

TEST_CASE("text means to us what it means to the node") {
  NEEDS_OTP
  const std::vector<std::string> texts = {"1",
                                          "-17",
                                          "16#fF",
                                          "2#101",
                                          "36#zz",
                                          "1_000_000",
                                          "$a",
                                          "$\\n",
                                          "$\\x{1F600}",
                                          "$\\s",
                                          "-$a",
                                          "1.5",
                                          "1.0e10",
                                          "-1.5E-3",
                                          "0.1",
                                          "a",
                                          "aB_@1",
                                          "'it\\'s'",
                                          "''",
                                          "'\\x{e9}'",
                                          "\"\"",
                                          "\"abc\"",
                                          "\"a\" \"b\"",
                                          "\"\\101\\t\\^a\"",
                                          "[1,2|3]",
                                          "[a|[b|[]]]",
                                          "[1|\"ab\"]",
                                          "{}",
                                          "{a,{b},[]}",
                                          "#{}",
                                          "#{a => 1, \"k\" => [x]}",
                                          "<<>>",
                                          "<<1,2,3>>",
                                          "<<\"abc\">>",
                                          "<<\"\xC3\xA9\">>",
                                          "<<\"\xC3\xA9\"/utf8>>",
                                          "<<1,5:3>>",
                                          "<<-1:16>>",
                                          "<<\"a\",0,\"b\">>",
                                          "123456789012345678901234567890",
                                          "-16#ffffffffffffffffffffff",
                                          "[\"\xD0\xBF\xD1\x80\"]",
                                          "{a, % comment\n b}",
                                          "'\xD0\xBF\xD1\x80'",
                                          "fun lists:map/2"};
  for (const std::string& text : texts) {
    CAPTURE(text);
    const buffer theirs = peer().ask('p', text);
    const auto ours = etf::parse(text);
    REQUIRE_MESSAGE(ours, ours.error().text());
    if (theirs.empty()) continue; // erl_parse:parse_term accepts fewer forms than io:read
    CHECK(samples::to_hex(*ours) == samples::to_hex(canonical(without_version(theirs))));
  }
}

TEST_CASE("short terms are printed as ~tp prints them") {
  NEEDS_OTP
  const std::vector<std::string> texts = {"1",           "-1",
                                          "1.0",         "0.1",
                                          "1.0e100",     "1.5e-7",
                                          "123456.789",  "a",
                                          "'A'",         "'a b'",
                                          "'it\\'s'",    "[]",
                                          "[1,2]",       "\"abc\"",
                                          "[a|b]",       "{a,1}",
                                          "{}",          "#{}",
                                          "#{a => 1}",   "<<>>",
                                          "<<\"abc\">>", "<<1,2>>",
                                          "<<1,5:3>>",   "\"a\\nb\\\"\\\\\"",
                                          "'end'",       "fun lists:map/2",
                                          "[[]]",        "[\"a\",b]"};
  for (const std::string& text : texts) {
    const auto term = etf::parse(text);
    REQUIRE(term);
    const buffer answer = peer().ask('w', with_version(*term));
    const std::string both(answer.begin(), answer.end());
    CHECK(etf::print(*term) == both.substr(both.find('\0') + 1));
  }
}

TEST_CASE("compressed terms are read from a node and by one") {
  NEEDS_OTP
  std::mt19937_64 random(seed() + 17);
  etf::vector_writer out;
  out.list(1000);
  for (int i = 0; i < 1000; ++i) out.atom("the same atom again");
  out.nil();
  const buffer term = out.take();
  const buffer theirs = peer().ask('z', with_version(term));
  REQUIRE(theirs.size() > 2);
  CHECK(theirs[1] == 80);
  const auto plain = etf::inflate(without_version(theirs));
  REQUIRE_MESSAGE(plain, plain.error().text());
  CHECK(canonical(*plain) == term);
  const buffer back = peer().ask('b', etf::deflate(term));
  REQUIRE(!back.empty());
  CHECK(canonical(without_version(back)) == term);
}
