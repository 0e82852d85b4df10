// SPDX-License-Identifier: MIT
// Args that are terms already are held against a schema as YAML is.
#include <doctest/doctest.h>

#include <coppice/etf/text.hpp>
#include <coppice/etf/writer.hpp>
#include <string>

#include "spec/args_schema.hpp"

using namespace coppice;

namespace {

// What is wrong; empty: nothing.
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
