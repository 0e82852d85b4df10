// SPDX-License-Identifier: MIT
// Tests of coppice/testing/match.hpp: patterns in Erlang's syntax, their bindings, and the text of a
// difference. This file does not include coppice/testing/erlang.hpp: the kit prints terms by itself.
#include <doctest/doctest.h>

#include <coppice/testing/match.hpp>

#include <coppice/etf/text.hpp>
#include <sstream>

using coppice::testing::failure;
using coppice::testing::holes;
using coppice::testing::match;
using coppice::testing::value;

namespace {

value term(std::string_view text) {
  return value::of(coppice::etf::parse(text).value());
}

std::string difference(std::string_view pattern, std::string_view text) {
  return match(pattern, term(text)).difference();
}

std::string refusal(std::string_view pattern) {
  try {
    match(pattern, term("ok"));
  } catch (const failure& why) {
    return why.what();
  }
  return "";
}

} // namespace

TEST_CASE("a literal in Erlang's syntax matches the term that Erlang's parser makes of it, and no other") {
  const char* const all[] = {
      "ok",
      "'two words'",
      "'it\\'s'",
      "'\xc3\xa9t\xc3\xa9'",
      "''",
      "0",
      "-7",
      "255",
      "256",
      "4294967296",
      "-9223372036854775808",
      "340282366920938463463374607431768211456",
      "16#ff",
      "2#1011",
      "1_000",
      "$a",
      "$\\n",
      "1.5",
      "-2.0e-3",
      "1.0",
      "\"text\"",
      "\"a\\x{263a}b\\x41\\101\"",
      "\"\"",
      "<<>>",
      "<<\"bytes\">>",
      "<<\"\xc3\xa9\"/utf8>>",
      "<<\"\xc3\xa9\">>",
      "<<1,2,255,\"x\",$y>>",
      "[]",
      "[1,2,3]",
      "[a|b]",
      "[a,b|[c]]",
      "{}",
      "{a,{b,[c]}}",
      "#{a => 1}",
      "#{{k,1} => #{x => [y]}}",
  };
  for (const char* text : all) {
    CAPTURE(text);
    for (const char* other : all) {
      CAPTURE(other);
      CHECK(bool(match(text, term(other))) == (term(text) == term(other)));
    }
  }
}

TEST_CASE("other encodings of the same term match") {
  const std::uint8_t list_of_bytes[] = {108, 0, 0, 0, 2, 97, 104, 97, 105, 106}; // "hi", an element at a time
  const std::uint8_t wide_integer[] = {98, 0, 0, 0, 7};
  const std::uint8_t old_atom[] = {100, 0, 2, 'o', 'k'};
  CHECK(match("\"hi\"", value::of(list_of_bytes)));
  CHECK(match("[$h | T]", value::of(list_of_bytes)).as<std::vector<int>>("T") == std::vector<int>{105});
  CHECK(match("[H, 105]", term("\"hi\"")).as<int>("H") == 104);
  CHECK(match("7", value::of(wide_integer)));
  CHECK(match("ok", value::of(old_atom)));
}

TEST_CASE("holes take terms, equal names take equal terms, and _ takes any") {
  const auto found =
      match("{ok, X, _, [Y | Rest], #{n := {X, Z}}}", term("{ok,1,2,[a,b,c],#{m => 0, n => {1,\"z\"}}}"));
  REQUIRE(found);
  CHECK(found["X"] == 1);
  CHECK(found["Y"] == term("a"));
  CHECK(found["Rest"] == term("[b,c]"));
  CHECK(found["Z"] == term("\"z\""));
  CHECK(found.as<int>("X") == 1);
  CHECK_THROWS_WITH_AS(found["W"], "this pattern has no hole W", failure);
  CHECK(match("{_, _}", term("{1,2}")));
  CHECK_FALSE(match("{X, X}", term("{1,2}")));
  CHECK_FALSE(match("{X, X}", term("{1,1.0}")));
  CHECK(match("{X, X}", term("{#{a => 1, b => 2},#{b => 2, a => 1}}")));
  CHECK_FALSE(match("{_X, _X}", term("{1,2}")));
}

TEST_CASE("a hole that the test fills beforehand is compared") {
  CHECK(match("{down, Who}", term("{down,clerk}"), holes{{"Who", term("clerk")}}));
  CHECK_FALSE(match("{down, Who}", term("{down,clerk}"), holes{{"Who", term("owner")}}));
}

TEST_CASE("a map needs the keys of the pattern, written with either arrow, and may have others") {
  CHECK(match("#{a := 1, {b} => B}", term("#{a => 1, {b} => 2, c => 3}")).as<int>("B") == 2);
  CHECK_FALSE(match("#{d := _}", term("#{a => 1}")));
  CHECK_FALSE(match("#{1 := _}", term("#{1.0 => 1}")));
  CHECK_FALSE(match("#{}", term("[]")));
}

TEST_CASE("a difference shows the pattern with a mark, the way to the place, and the whole term") {
  CHECK(difference("{ok, [1, #{count := 7}], _}", "{ok,[1,#{count => 8}],x}") ==
        "  {ok, [1, #{count := 7}], _}\n"
        "                      ^ wanted 7, but came 8\n"
        "  at element 2, item 2, key count\n"
        "  in {ok,[1,#{count => 8}],x}");
  CHECK(difference("{X, 'a b', X}", "{<<\"tea\">>,'a b',<<1,2>>}") ==
        "  {X, 'a b', X}\n"
        "             ^ wanted X to be <<\"tea\">> again, but came <<1,2>>\n"
        "  at element 3\n"
        "  in {<<\"tea\">>,'a b',<<1,2>>}");
  CHECK(difference("{ok, V}", "{ok,1,2}") ==
        "  {ok, V}\n"
        "  ^ wanted a tuple of 2, not of 3, but came {ok,1,2}\n"
        "  in {ok,1,2}");
  CHECK(difference("[a, b]", "[a]") ==
        "  [a, b]\n"
        "  ^ wanted a list of 2, not of 1, but came [a]\n"
        "  in [a]");
  CHECK(difference("[a, b | _]", "[a|b]").find("wanted a list of at least 2, but came [a|b]") !=
        std::string::npos);
  CHECK(difference("[a]", "[a|b]").find("wanted a list of 1, but came [a|b]") != std::string::npos);
  CHECK(difference("#{k := _}", "#{j => 1.5}") ==
        "  #{k := _}\n"
        "    ^ wanted the key k, but came #{j => 1.5}\n"
        "  in #{j => 1.5}");
}

TEST_CASE("a difference in a pattern of several lines shows its line") {
  CHECK(difference("{ok,\n  [1,\n   2]}", "{ok,[1,3]}") ==
        "     2]}\n"
        "     ^ wanted 2, but came 3\n"
        "  at element 2, item 2\n"
        "  in {ok,[1,3]}");
}

TEST_CASE("what a failed match gives out is no term, and is printed by a test framework") {
  const auto found = match("{ok, X}", term("error"));
  CHECK_THROWS_AS(found["X"], failure);
  std::ostringstream out;
  out << found;
  CHECK(out.str() == "\n" + found.difference());
  CHECK_FALSE(match("_", value()));
  CHECK(match("_", value()).difference().find("there is no term") != std::string::npos);
}

TEST_CASE("a pattern that is wrong is refused with its column and a mark") {
  CHECK(refusal("{ok, X") ==
        "this pattern is wrong at column 7:\n"
        "  {ok, X\n"
        "        ^ a comma or } should follow");
  CHECK(refusal("{ok,\n \xc3\xa9}") ==
        "this pattern is wrong at line 2, column 2:\n"
        "   \xc3\xa9}\n"
        "   ^ no term begins like this");
  const std::pair<const char*, const char*> all[] = {
      {"", "column 1:"},
      {"ok ok", "column 4:"},
      {"'open", "column 1:"},
      {"\"open", "column 1:"},
      {"[a | b, c]", "column 7:"},
      {"[a |", "column 5:"},
      {"#{K := 1}", "column 3:"},
      {"#{k 1}", "column 5:"},
      {"#{{a, X} := 1}", "column 3:"},
      {"#Pid<1.2.3>", "column 1:"},
      {"<<X>>", "column 3:"},
      {"<<256>>", "column 3:"},
      {"<<\"\xe2\x98\xba\">>", "/utf8"},
      {"<<1", "column 4:"},
      {"12#c", "column 1:"},
      {"99#1", "column 1:"},
      {"1.5e", "column 1:"},
      {"-", "column 1:"},
      {"7up", "column 1:"},
      {"\"\\xg\"", "column 2:"},
      {"\xff", "column 1:"},
      {"\"\xff\"", "column 2:"},
      {"'\\", "column 3:"},
  };
  for (const auto& each : all) {
    CAPTURE(std::string(each.first));
    const std::string why = refusal(each.first);
    CAPTURE(why);
    CHECK(why.find(each.second) != std::string::npos);
  }
}

TEST_CASE("patterns are nested 64 deep, not deeper, and terms as deep as they like") {
  CHECK(refusal(std::string(64, '[') + std::string(64, ']')).empty());
  CHECK(refusal(std::string(70, '[') + std::string(70, ']')).find("at most 64 deep") != std::string::npos);
  CHECK(refusal(std::string(1'000'000, '[')).find("at most 64 deep") != std::string::npos);
  std::vector<std::uint8_t> deep;
  for (int i = 0; i < 1'000'000; ++i) deep.insert(deep.end(), {104, 1});
  deep.push_back(106);
  CHECK(match("{{X}}", value::of(deep)));
  CHECK_FALSE(match("{{x}}", value::of(deep)));
}

TEST_CASE("a long term is cut where a failure shows it") {
  const std::string shown = match("x", value(std::vector<int>(1'000'000, 1000))).difference();
  CHECK(shown.size() < 10'000);
  CHECK(shown.find("...") != std::string::npos);
}
