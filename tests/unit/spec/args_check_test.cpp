// SPDX-License-Identifier: MIT
// Tests that args which are terms already are checked against a schema as YAML is.
#include <doctest/doctest.h>

#include <coppice/etf/text.hpp>
#include <coppice/etf/writer.hpp>
#include <string>

#include "spec/schema/args_schema.hpp"

using namespace coppice;

namespace {

// The error. Empty: none.
std::string finding(std::string_view schema, std::string_view args) {
  const auto compiled = spec::args_schema::compile(schema);
  REQUIRE(compiled.has_value());
  const auto term = etf::parse(args);
  REQUIRE(term.has_value());
  const auto good = compiled->check(*term);
  return good ? std::string() : good.error().text;
}

} // namespace

TEST_CASE("args that a schema takes are taken as terms too") {
  constexpr std::string_view schema =
      R"({"type":"object","additionalProperties":false,"required":["name","every"],"properties":{
      "name":{"type":"string","minLength":2},"every":{"type":"integer","format":"duration","minimum":1},
      "size":{"type":"integer","format":"size","default":"4KiB"},"ratio":{"type":"number","maximum":1},
      "mode":{"enum":["fast","slow"]},"list":{"type":"array","items":{"type":"boolean"},"maxItems":2}}})";
  CHECK(finding(schema, R"(#{name => <<"ab">>, every => 20})") == "");
  CHECK(finding(schema, R"(#{name => <<"ab">>, every => 20, size => 4096, ratio => 0.5, mode => <<"slow">>,
                           list => [true, false]})") == "");
  struct row {
    const char* args;
    const char* says;
  };
  const row rows[] = {
      {R"(#{name => <<"ab">>})", "args: the key 'every' is missing"},
      {R"(#{name => <<"a">>, every => 1})", "args.name: has 1 characters, at least 2"},
      {R"(#{name => <<"ab">>, every => 0})", "args.every: 0 is below"},
      {R"(#{name => <<"ab">>, every => <<"20ms">>})", "args.every: \"20ms\" is not of the type"},
      {R"(#{name => <<"ab">>, every => 1, ratio => 1.5})", "args.ratio: 1.5 is above"},
      {R"(#{name => <<"ab">>, every => 1, mode => <<"odd">>})", "args.mode: \"odd\" is none of the values"},
      {R"(#{name => <<"ab">>, every => 1, list => [true, 1]})", "args.list[1]: 1 is not of the type"},
      {R"(#{name => <<"ab">>, every => 1, list => [true, true, true]})", "args.list: has 3 elements"},
      {R"(#{name => <<"ab">>, every => 1, other => 1})", "args: unknown key 'other'"},
      {R"(none)", "args: they are no map"},
  };
  for (const row& each : rows) {
    const std::string text = finding(schema, each.args);
    CHECK_MESSAGE(text.find(each.says) != text.npos, each.args, ": ", text);
  }
}

TEST_CASE("a duration and a size may be undefined where their type names null") {
  constexpr std::string_view schema = R"({"type":"object","properties":{
      "every":{"type":["integer","null"],"format":"duration"},
      "size":{"type":["integer","null"],"format":"size"},"most":{"type":"integer","format":"size"}}})";
  CHECK(finding(schema, "#{every => undefined, size => undefined}") == "");
  CHECK(finding(schema, "#{every => 20, size => 4096}") == "");
  CHECK(finding(schema, R"(#{every => <<"20ms">>})").find("args.every: ") != std::string::npos);
  CHECK(finding(schema, "#{most => undefined}").find("args.most: ") != std::string::npos);
}

TEST_CASE("a template's args may lack what start_child is to give, and nothing else") {
  const auto compiled = spec::args_schema::compile(
      R"({"type":"object","additionalProperties":false,"required":["to"],"properties":{
      "to":{"type":"string"},"inner":{"type":"object","required":["x"]}}})");
  REQUIRE(compiled);
  const auto check = [&](std::string_view args) {
    return compiled->check(*etf::parse(args), spec::args_schema::part::of_template).has_value();
  };
  CHECK(check("#{}"));
  CHECK_FALSE(check("#{other => 1}"));
  CHECK_FALSE(check("#{to => 1}"));
  CHECK_FALSE(check("#{inner => #{}}"));
}

TEST_CASE("without a schema any map will do") {
  CHECK(finding("", "#{}") == "");
  CHECK(finding("", "#{a => [1, {b}]}") == "");
}

TEST_CASE("args nested deeper than a configuration may be are refused, whatever the schema") {
  const auto compiled = spec::args_schema::compile("");
  REQUIRE(compiled);
  const auto nested = [](std::size_t levels) {
    etf::vector_writer out;
    out.map(1);
    out.atom("a");
    for (std::size_t i = 1; i < levels; ++i) out.list(1);
    for (std::size_t i = 0; i < levels; ++i) out.nil();
    return out.take();
  };
  CHECK(compiled->check(nested(400)));
  for (const std::size_t levels : {401, 10'000, 1'000'000}) {
    const auto refused = compiled->check(nested(levels));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text == "args: they are nested deeper than 400 levels");
  }
}

TEST_CASE("bytes that are not UTF-8 are named in a finding, wherever they stand") {
  constexpr std::string_view schema =
      R"({"type":"object","additionalProperties":false,"properties":{
      "n":{"type":"integer"},"mode":{"enum":["a","b"]},"list":{"type":"array","items":{"type":"integer"}}}})";
  struct row {
    const char* args;
    const char* says;
  };
  const row rows[] = {
      {R"(#{n => <<255>>})", "args.n: \"\xEF\xBF\xBD\" is not of the type"},
      {R"(#{mode => <<255>>})", "args.mode: \"\xEF\xBF\xBD\" is none of the values"},
      {R"(#{list => [1, <<195>>]})", "args.list[1]: \"\xEF\xBF\xBD\" is not of the type"},
      {R"(#{n => [<<255>>]})", "args.n: [<<255>>] is not of the type"},
      {R"(#{n => #{<<255>> => <<255>>}})", "args.n: #{<<255>> => <<255>>} is not of the type"},
      {R"(#{<<255>> => 1})", "args: unknown key '\\xff'"},
      {R"(#{[<<255>>] => 1})", "args: unknown key '[<<255>>]'"},
  };
  for (const row& each : rows) {
    const std::string text = finding(schema, each.args);
    CHECK_MESSAGE(text.find(each.says) != text.npos, each.args, ": ", text);
  }
  CHECK(finding("", R"(#{[<<255>>] => <<255>>, <<255>> => [<<255>>]})") == "");
}

TEST_CASE("a list of small numbers is a list, however it is written") {
  constexpr std::string_view schema =
      R"({"type":"object","properties":{
      "ports":{"type":"array","minItems":1,"maxItems":3,"items":{"minimum":5}}}})";
  const auto compiled = spec::args_schema::compile(schema);
  REQUIRE(compiled);
  const auto check = [&](std::string_view as_string_ext) {
    etf::vector_writer out;
    out.map(1);
    out.atom("ports");
    out.string(as_string_ext);
    const auto good = compiled->check(out.take());
    return good ? std::string() : good.error().text;
  };
  CHECK(check("\x50") == "");
  CHECK(check("\x50\x04") == "args.ports[1]: 4 is below what the schema allows (5)");
  CHECK(check("\x50\x50\x50\x50") == "args.ports: has 4 elements, at most 3 are wanted");
  CHECK(finding(schema, "#{ports => [80, 81]}") == "");
  CHECK(finding(schema, "#{ports => []}") == "args.ports: has 0 elements, at least 1 are wanted");
}

TEST_CASE("keys that are the same text and other terms are checked one by one") {
  constexpr std::string_view schema =
      R"({"type":"object","required":["n"],"properties":{"n":{"type":"integer","minimum":1},"1":{"type":"integer"}}})";
  CHECK(finding(schema, "#{n => 1}") == "");
  CHECK(finding(schema, R"(#{n => -1, <<"n">> => 5})") == "args.n: -1 is below what the schema allows (1)");
  CHECK(finding(schema, R"(#{n => 5, <<"n">> => -1})") == "args.n: -1 is below what the schema allows (1)");
  CHECK(finding(schema, R"(#{<<"n">> => 5})") == "args: the key 'n' is missing, and the schema requires it");
  CHECK(finding(schema, R"(#{n => 5, 1 => <<"not that key">>})") == "");
}

TEST_CASE("what no type of a schema is passes as none of them") {
  for (const char* const type : {"object", "array", "string", "integer", "number", "boolean", "null"}) {
    const std::string schema = R"({"properties":{"v":{"type":")" + std::string(type) + R"("}}})";
    for (const char* const value :
         {"{1, 2}", "<0.1.0>", "[1 | 2]", "<<1:3>>", "fun lists:map/2", "an_atom"}) {
      const std::string text = finding(schema, "#{v => " + std::string(value) + "}");
      CHECK_MESSAGE(text.find("is not of the type") != text.npos, type, " ", value, ": ", text);
    }
  }
  CHECK(finding(R"({"properties":{"v":{}}})", "#{v => {1, 2}}") == "");
}

TEST_CASE("an atom is what an enum lists by that text, and a number is one however large") {
  constexpr std::string_view schema = R"({"properties":{"mode":{"type":"string","enum":["fast","slow"]},
      "most":{"type":"integer","maximum":1000},"pair":{"const":[1,{"a":null}]}}})";
  CHECK(finding(schema, "#{mode => fast}") == "");
  CHECK(finding(schema, "#{mode => odd}").find("is not of the type") != std::string::npos);
  CHECK(finding(schema, "#{most => 123456789012345678901234567890}").find("is above") != std::string::npos);
  CHECK(finding(schema, "#{most => -123456789012345678901234567890}") == "");
  CHECK(finding(schema, "#{pair => [1, #{a => undefined}]}") == "");
  CHECK(finding(schema, "#{pair => [1, #{a => 1}]}").find("is none of") != std::string::npos);
}
