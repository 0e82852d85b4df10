// SPDX-License-Identifier: MIT
// Erlang syntax in both directions: printed terms are parsed again, and errors say where and why.
#include <doctest/doctest.h>

#include <coppice/etf/order.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/validate.hpp>

#include "samples.hpp"

namespace etf = coppice::etf;
using samples::buffer;
using samples::hex;

TEST_CASE("parse(print(t)) is t, on one line and on many") {
  std::mt19937_64 random(23);
  for (int i = 0; i < 200; ++i) {
    const buffer term = samples::random_term(random, 3);
    for (const std::size_t width : {0U, 1U, 20U, 80U}) {
      etf::print_options how;
      how.pretty = width != 0;
      how.width = width;
      const std::string text = etf::print(term, how);
      const auto back = etf::parse(text);
      REQUIRE_MESSAGE(back, back.error().text() << " in " << text);
      REQUIRE_MESSAGE(*back == term, text);
    }
  }
}

TEST_CASE("every sample prints as Erlang has it and parses back") {
  for (const auto& sample : samples::all()) {
    CAPTURE(sample.name);
    const std::string text = etf::print(sample.wire);
    if (!sample.text.empty()) CHECK((text == sample.text || sample.name == "ATOM"));
    if (sample.name == "ATOM") continue; // it is Latin-1, so canonicalise() has to come first
    const auto back = etf::parse(text);
    REQUIRE_MESSAGE(back, back.error().text());
    CHECK(etf::equal_exact(*back, sample.wire));
  }
}

TEST_CASE("what is written by hand is understood") {
  struct written {
    std::string_view text, wire;
  };
  const std::vector<written> all = {
      {"{put, <<\"a\">>, 1}", "6803 7703707574 6d0000000161 6101"},
      {"#{k => \"v\"}", "7400000001 77016b 6b000176"},
      {"'quoted atom'.", "770b71756f7465642061746f6d"},
      {" [ 1 , 2 | x ] % comment", "6c00000002 6101 6102 770178"},
      {"16#1F", "611f"},
      {"-2#11", "62fffffffd"},
      {"$a", "6161"},
      {"1.5e3", "464097700000000000"},
      {"<<1:4>>", "4d000000010410"},
      {"<<16#abcd:16>>", "6d00000002abcd"},
      {"<<-1:12>>", "4d0000000204fff0"},
      {"<<\"\xC3\xA9\"/utf8>>", "6d00000002c3a9"},
      {"\"a\" \"b\"", "6b00026162"},
      {"[]", "6a"},
      {"\"\"", "6a"},
      {"fun lists:map/2", "7177056c697374737703 6d61706102"},
      {"<0.7.1>", "58 7703 614062 00000007 00000001 00000100"},
      {"#Pid<'a@b'.256.7.1>", "58 7703 614062 00000007 00000001 00000100"},
  };
  etf::text_options here;
  here.node = "a@b";
  here.creation = 256;
  for (const written& each : all) {
    CAPTURE(each.text);
    const auto term = etf::parse(each.text, here);
    REQUIRE_MESSAGE(term, term.error().text());
    CHECK(samples::to_hex(*term) == samples::to_hex(hex(each.wire)));
  }
}

TEST_CASE("OTP 27's triple-quoted strings and sigils are what they are there") {
  struct written {
    std::string_view text, plain;
  };
  const std::vector<written> all = {
      {"\"\"\"\n  a\n   \"b\" \\n\n\n  \"\"\"", "\"a\\n \\\"b\\\" \\\\n\\n\""},
      {"\"\"\"\n\"\"\"", "[]"},
      {"\"\"\" \t\r\n\ta\r\n\t\"\"\"", "\"a\""},
      {"\"\"\"\"\n\"\"\"\n\"\"\"\"", "\"\\\"\\\"\\\"\""},
      {"{\"\"\"\n a\n \"\"\", 1}", "{\"a\",1}"},
      {"~\"a\\n\xC3\xA9\"", "<<\"a\\n\xC3\xA9\"/utf8>>"},
      {"~b\"a\\tb\"", "<<\"a\\tb\">>"},
      {"~B\"a\\tb\"", "<<\"a\\\\tb\">>"},
      {"~s(a\\)b)", "\"a)b\""},
      {"~S[a\\]", "\"a\\\\\""},
      {"~s{a} ", "\"a\""},
      {"~<a>", "<<\"a\">>"},
      {"~/a\"/", "<<\"a\\\"\">>"},
      {"~|a|", "<<\"a\">>"},
      {"~'a'", "<<\"a\">>"},
      {"~`a`", "<<\"a\">>"},
      {"~#a#", "<<\"a\">>"},
      {"~\"\"", "<<>>"},
      {"~s\"\"", "[]"},
      {"[~\"a\",~b\"b\"|~s\"c\"]", "[<<\"a\">>,<<\"b\">>,99]"},
      {"~\"\"\"\n a\\n\n \"\"\"", "<<\"a\\\\n\">>"},
      {"~b\"\"\"\n a\\n\n b\n \"\"\"", "<<\"a\\n\\nb\">>"},
      {"~s\"\"\"\n a\\\nb\n\"\"\"", "\" a\\nb\""},
      {"~S\"\"\"\n a\n \"\"\"", "\"a\""},
  };
  for (const written& each : all) {
    CAPTURE(each.text);
    const auto term = etf::parse(each.text), plain = etf::parse(each.plain);
    REQUIRE_MESSAGE(term, term.error().text());
    REQUIRE_MESSAGE(plain, plain.error().text());
    CHECK(etf::print(*term) == etf::print(*plain));
    CHECK(*term == *plain);
  }
}

TEST_CASE("pids of the local node are short, others whole") {
  etf::print_options here;
  here.node = "a@b";
  here.creation = 256;
  const buffer pid = hex("58 7703 614062 00000007 00000001 00000100");
  CHECK(etf::print(pid, here) == "<0.7.1>");
  here.creation = 257;
  CHECK(etf::print(pid, here) == "#Pid<a@b.256.7.1>");
  CHECK(etf::print(hex("58 7707 612d624063 2e64 00000007 00000001 00000100")) == "#Pid<'a-b@c.d'.256.7.1>");
}

TEST_CASE("an error names the column and what was expected") {
  struct wrong {
    std::string_view text;
    std::size_t column;
    std::string_view says;
  };
  const std::vector<wrong> all = {{"", 1, "a term expected"},
                                  {"{a", 3, "\",\" or \"}\""},
                                  {"{a,}", 4, "a term expected"},
                                  {"[1,2", 5, "expected"},
                                  {"#{a 1}", 5, "\"=>\""},
                                  {"#{a => 1,a => 2}", 1, "only once"},
                                  {"foo bar", 5, "end of the term"},
                                  {"Var", 1, "variables"},
                                  {"'abc", 5, "closing quote"},
                                  {"\"abc", 5, "closing quote"},
                                  {"<<1,", 5, "integer or a string"},
                                  {"<<1", 4, "\">>\""},
                                  {"<1.2.3>", 2, "node@host"},
                                  {"#Foo<>", 1, "#Pid<"},
                                  {"37#1", 1, "base"},
                                  {"1.0e999", 1, "64 bits"},
                                  {"#Fun<%%%>", 6, "base64"},
                                  {"fun a/1", 6, "\":\""},
                                  {"'\\x{110000}'", 2, "Unicode"},
                                  {"{a,\n  b,,}", 5, "line 2"},
                                  {"'\xD0\xBF' \xD0\xBF", 5, "end of the term"},
                                  {"#Ref<a@b.1>", 11, "words"},
                                  {"[|a]", 2, "a term expected"},
                                  {"@", 1, "a term expected"},
                                  {"~x\"a\"", 1, "~, ~b, ~B, ~s or ~S"},
                                  {"~bs\"a\"", 1, "~, ~b, ~B, ~s or ~S"},
                                  {"~b", 3, "delimiter"},
                                  {"~ \"a\"", 2, "delimiter"},
                                  {"~B\"a", 5, "closing quote"},
                                  {"~b\"a\"x", 6, "suffix"},
                                  {"\"\"\"a\"\"\"", 4, "end of the line"},
                                  {"\"\"\"\na\n", 1, "closing triple quotes"},
                                  {"\"\"\"\na\n  \"\"\"", 1, "indentation"},
                                  {"~b\"\"\"\na\\\n\"\"\"", 3, "after \\"},
                                  {"~\"\xff\"", 3, "UTF-8"},
                                  {"[a|b,c]", 5, "\"]\""}};
  for (const wrong& each : all) {
    CAPTURE(each.text);
    const auto refused = etf::parse(each.text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().offset == each.column);
    CHECK_MESSAGE(refused.error().text().find(each.says) != std::string::npos, refused.error().text());
  }
}

TEST_CASE("the bits that a text names for wide segments are bounded for all of it") {
  const auto whole = etf::parse("[<<1:524288>>,<<1:524288>>]");
  REQUIRE(whole);
  CHECK(whole->size() > 2 * 65'536);
  for (const std::string_view text :
       {"<<1:1048577>>", "<<1:524288,1:524289>>", "[<<1:524288>>,<<1:524289>>]"}) {
    const auto refused = etf::parse(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == etf::errc::too_large);
    CHECK(refused.error().text().find("segments of fewer bits expected") != std::string::npos);
  }
  // Narrow ones take more characters than they have bytes.
  std::string many = "<<0:64";
  for (int i = 0; i < 20'000; ++i) many += ",0:64";
  CHECK(etf::parse(many + ">>"));
}

TEST_CASE("lists as tails of lists are one list, however many") {
  const auto is = [](std::string_view text, std::string_view same) {
    CAPTURE(text);
    const auto got = etf::parse(text);
    REQUIRE_MESSAGE(got, got.error().text());
    CHECK(*got == etf::parse(same).value());
  };
  is("[a|[b|[c]]]", "[a,b,c]");
  is("[a|[]]", "[a]");
  is("[a , b | [ c | [ ] ] ]", "[a,b,c]");
  is("[a|[b|c]]", "[a,b|c]");
  is("[a|[b|\"cd\"]]", "[a,b,99,100]");
  is("[[a|[b]],{[c|[d]]}|[e]]", "[[a,b],{[c,d]},e]");
  for (const std::string_view text :
       {"[a|[b],c]", "[a|[b]", "[a|[]", "[a|[],b]", "[a|[b|c],d]", "[a|[b|c]"}) {
    CAPTURE(text);
    const auto refused = etf::parse(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("\"]\" expected") != std::string::npos);
  }
  // More than may be nested.
  constexpr std::size_t many = 50'000;
  std::string chain, flat = "[0";
  for (std::size_t i = 0; i < many; ++i) chain += "[0|";
  chain += "[0]" + std::string(many, ']');
  for (std::size_t i = 0; i < many; ++i) flat += ",0";
  is(chain, flat + "]");
}

TEST_CASE("depth in text is a limit, not a crash") {
  const std::string deep = std::string(100'000, '{') + std::string(100'000, '}');
  CHECK(etf::parse(deep).error().code == etf::errc::too_deep);
  const std::string lists = std::string(9'000, '[') + std::string(9'000, ']');
  const auto good = etf::parse(lists);
  REQUIRE(good);
  CHECK(etf::print(*good) == lists);
  CHECK(etf::parse(std::string(100'000, '[')).error().code == etf::errc::too_deep);
}

TEST_CASE("long terms are broken into lines that fit, and cut when asked") {
  const std::string text =
      "#{alpha => [1,2,3],beta => {person,<<\"some name\">>,[a,b,c]},gamma => \"a string of some "
      "length\",delta => 1.5}";
  const auto term = etf::parse(text);
  REQUIRE(term);
  etf::print_options how;
  how.pretty = true;
  how.width = 40;
  const std::string lines = etf::print(*term, how);
  CHECK(lines ==
        "#{alpha => [1,2,3],\n"
        "  beta => {person,<<\"some name\">>,\n"
        "           [a,b,c]},\n"
        "  gamma => \"a string of some length\",\n"
        "  delta => 1.5}");
  how.width = 200;
  CHECK(etf::print(*term, how) == text);
  how.most = 10;
  CHECK(etf::print(*term, how) == "#{alpha =>...");
}

TEST_CASE("of what is long no more is printed than is asked for, and that is its beginning") {
  const auto check_bounded = [](const buffer& term) {
    const std::string all = etf::print(term);
    for (const std::size_t most : {1, 5, 50, 500}) {
      for (const bool pretty : {false, true}) {
        etf::print_options how;
        how.most = most;
        how.pretty = pretty;
        const std::string some = etf::print(term, how);
        CAPTURE(most);
        CHECK(some.size() <= most + 3);
        CHECK(some.ends_with("..."));
        CHECK(all.starts_with(some.substr(0, some.size() - 3)));
      }
    }
    etf::print_options enough;
    enough.most = all.size();
    CHECK(etf::print(term, enough) == all);
  };
  const auto within = [](const std::string& text) { return etf::parse("{" + text + ",a}").value(); };
  check_bounded(within("<<\"" + std::string(2000, 'x') + "\">>"));
  check_bounded(within("<<\"" + std::string(1000, 'x') + "\xC3\xA9\"/utf8>>"));
  check_bounded(within("\"" + std::string(70'000, 'x') + "\""));
  check_bounded(within("[" + std::string(2000, ' ') + "1000" + [] {
    std::string more;
    for (int i = 0; i < 1000; ++i) more += ",1000";
    return more + "]";
  }()));
  etf::vector_writer out;
  out.tuple(2);
  out.big(false, buffer(5000, 0xAB));
  out.binary(buffer(3000, 0xFF));
  check_bounded(out.take());
}

TEST_CASE("integers of any length are printed and read") {
  etf::vector_writer out;
  buffer magnitude(5000, 0xAB);
  out.big(true, magnitude);
  const std::string text = etf::print(out.view());
  CHECK(text.substr(0, 6) == "-16#AB");
  CHECK(etf::parse(text).value() == out.take());
  CHECK(etf::print(etf::parse("-123456789012345678901234567890").value()) ==
        "-123456789012345678901234567890");
  CHECK(etf::print(etf::parse("100000000000000000000000000000000000000").value()) ==
        "100000000000000000000000000000000000000");
}

TEST_CASE("damaged terms are printed without leaving their bytes") {
  std::mt19937_64 random(31);
  for (int i = 0; i < 3000; ++i) {
    buffer term = samples::random_term(random, 3);
    term[random() % term.size()] = static_cast<std::uint8_t>(random());
    if (random() % 2 == 0) term.resize(random() % (term.size() + 1));
    etf::print_options how;
    how.pretty = random() % 2 == 0;
    etf::print(term, how);
  }
}
