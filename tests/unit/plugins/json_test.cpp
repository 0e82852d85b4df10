// SPDX-License-Identifier: MIT
// Tests of coppice/json.hpp: which texts are read, which are written, and the error for each refused text.
#include <doctest/doctest.h>

#include <coppice/json.hpp>

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

using coppice::json::read;
using coppice::json::text;

namespace {

enum class colour { red, green };
struct size {
  double width;
  std::int64_t height = 2;
};
struct item {
  std::string name;
  std::int64_t price;
  std::optional<std::string> note;
  std::optional<std::vector<size>> sizes;
  colour paint = colour::red;
  bool sold = false;
};

std::string refusal(std::string_view of) {
  const auto got = read<item>(of);
  return got ? "none" : got.error();
}
template <class T>
T whole(std::string_view of) {
  const auto got = read<T>(of);
  CHECK_MESSAGE(got, (got ? "" : got.error()));
  return got ? *got : T{};
}

} // namespace

TEST_CASE("an object is read into a struct, by the names of its members") {
  const auto all =
      whole<item>(R"( {"price": 3, "name":"tea", "note":null, "sizes":[{"width":1.5},{"width":2,)"
                  R"("height":-7}],"paint":"green","sold":true,"unknown":{"a":[1,{}]}} )");
  CHECK(all.name == "tea");
  CHECK(all.price == 3);
  CHECK_FALSE(all.note);
  REQUIRE(all.sizes);
  REQUIRE(all.sizes->size() == 2);
  CHECK(all.sizes->at(0).width == 1.5);
  CHECK(all.sizes->at(0).height == 2);
  CHECK(all.sizes->at(1).width == 2.0);
  CHECK(all.sizes->at(1).height == -7);
  CHECK(all.paint == colour::green);
  CHECK(all.sold);
  const auto few = whole<item>(R"({"name":"","price":0})");
  CHECK_FALSE(few.sizes);
  CHECK(few.paint == colour::red);
}

TEST_CASE("what does not fit is named with its place, in the words of JSON") {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"name":"tea","price":"3"})", "item.price: expected integer, got text"},
      {R"({"name":"tea","price":null})", "item.price: expected integer, got null"},
      {R"({"name":"tea","price":true})", "item.price: expected integer, got true"},
      {R"({"name":{},"price":1})", "item.name: expected text, got object"},
      {R"({"name":"tea"})", "item.price: expected integer, got nothing"},
      {R"({"name":"tea","price":1,"sizes":[{"width":1},{"width":"x"}]})",
       "item.sizes[1].width: expected float, got text"},
      {R"({"name":"tea","price":1,"price":2})", "item.price: expected a key only once"},
      {R"({"name":"tea","price":18446744073709551615})",
       "item.price: expected integer from -9223372036854775808 to 9223372036854775807, got integer"},
      {R"({"name":[116,101,97],"price":1})", "item.name: expected text, got array"},
      {R"({"name":[],"price":1})", "item.name: expected text, got array"},
      {"[]", "item: expected object, got array"},
      {"7", "item: expected object, got integer 7"}};
  for (const auto& [asked, said] : rows) {
    const std::string given(asked);
    CAPTURE(given);
    CHECK(refusal(asked) == said);
  }
}

TEST_CASE("what is no JSON is refused with the byte where it ends to be") {
  const std::string deep(100, '[');
  const std::pair<std::string, const char*> rows[] = {
      {"", "byte 1: expected a value"},
      {"  ", "byte 3: expected a value"},
      {"{", "byte 2: expected a key in quotation marks"},
      {"{\"a\"", "byte 5: expected ':'"},
      {"{\"a\":1", "byte 7: expected ',' or '}'"},
      {"{\"a\":1,}", "byte 8: expected a key in quotation marks"},
      {"{a:1}", "byte 2: expected a key in quotation marks"},
      {"[1 2]", "byte 4: expected ',' or ']'"},
      {"[1,]", "byte 4: expected a value"},
      {"nul", "byte 1: expected a value"},
      {"tru e", "byte 1: expected a value"},
      {"01", "byte 2: expected the end"},
      {"+1", "byte 1: expected a value"},
      {"-", "byte 1: expected a value"},
      {"1.", "byte 3: expected a digit"},
      {"1e", "byte 3: expected a digit"},
      {".5", "byte 1: expected a value"},
      {"1e999", "byte 1: expected a smaller number"},
      {"NaN", "byte 1: expected a value"},
      {"\"", "byte 2: expected '\"'"},
      {"\"\\", "byte 2: expected an escape"},
      {"\"\\x\"", "byte 2: expected an escape"},
      {"\"\\u12\"", "byte 2: expected an escape"},
      {"\"\\u12g4\"", "byte 2: expected four hexadecimal digits"},
      {"\"\\u-123\"", "byte 2: expected four hexadecimal digits"},
      {"\"\\ud800\"", "byte 8: expected the other half of a surrogate pair"},
      {"\"\\ud800\\u0041\"", "byte 14: expected the other half of a surrogate pair"},
      {"\"\\udc00\"", "byte 8: expected no half of a surrogate pair alone"},
      {"\"\n\"", "byte 2: expected no control character in a text"},
      {"\"\xff\"", "byte 2: expected UTF-8"},
      {"\"\xc0\x80\"", "byte 2: expected UTF-8"},
      {"\"\xed\xa0\x80\"", "byte 2: expected UTF-8"},
      {std::string("1\0", 2), "byte 2: expected the end"},
      {"1 1", "byte 3: expected the end"},
      {deep, "byte 65: expected at most 64 levels"},
      {"{\"a\":" + deep, "byte 69: expected at most 64 levels"}};
  for (const auto& [asked, said] : rows) {
    const std::string given(asked);
    CAPTURE(given);
    CHECK(refusal(asked) == said);
  }
}

TEST_CASE("every text that is cut short is refused, and none is read past its end") {
  const std::string all =
      R"({"name":"t\u00e9\ud83d\ude00\n","price":-12,"sizes":[{"width":1.5e3}],"sold":false})";
  CHECK(refusal(all) == "none");
  for (std::size_t size = 0; size < all.size(); ++size) {
    const std::vector<char> exact(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(refusal({exact.data(), exact.size()}) != "none");
  }
}

TEST_CASE("texts and numbers are read to their bounds") {
  CHECK(whole<std::string>(R"("\"\\\/\b\f\n\r\t\u00e9\u20ac\ud83d\ude00")") ==
        "\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(whole<std::int64_t>("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  CHECK(whole<std::int64_t>("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
  CHECK(whole<std::uint64_t>("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
  CHECK(whole<std::int64_t>("2147483648") == 2147483648);
  CHECK(whole<std::int64_t>("-0") == 0);
  CHECK(whole<double>("18446744073709551616") == 18446744073709551616.0);
  CHECK(whole<double>("18446744073709551615") == 18446744073709551615.0);
  CHECK(whole<double>("-1.25E-2") == -0.0125);
  CHECK(whole<std::vector<int>>("[]").empty());
  CHECK(whole<std::map<std::string, int>>(R"({"a":1,"b c":2})") ==
        std::map<std::string, int>{{"a", 1}, {"b c", 2}});
  const std::string long_key(300, 'k');
  CHECK(whole<std::map<std::string, int>>("{\"" + long_key + "\":1}").at(long_key) == 1);
  CHECK_FALSE(whole<std::optional<int>>("null"));
}

TEST_CASE("a value is written as JSON, and read again") {
  const item tea{"t\"\\\n\xc3\xa9", -3, std::nullopt, std::vector<size>{{1.5, 2}}, colour::green, true};
  const std::string written = text(tea);
  CHECK(written ==
        "{\"name\":\"t\\\"\\\\\\u000a\xc3\xa9\",\"price\":-3,\"sizes\":[{\"width\":1.5,\"height\":2}],"
        "\"paint\":\"green\",\"sold\":true}");
  CHECK(text(whole<item>(written)) == written);
  CHECK(text(std::vector<int>{1, 300}) == "[1,300]");
  CHECK(text(std::vector<double>{2, -0.5, 1e30}) == "[2.0,-0.5,1e+30]");
  CHECK(text(std::vector<int>{}) == "[]");
  CHECK(text(std::map<std::string, bool>{{"a", false}}) == "{\"a\":false}");
  CHECK(text(std::optional<int>()) == "null");
  CHECK(text(std::pair(1, std::string("x"))) == "[1,\"x\"]");
  CHECK(text(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK_THROWS_AS(text(std::string("\xff")), std::invalid_argument);
}
