// SPDX-License-Identifier: MIT
// Which characters may be in a line for people, and how the others are escaped.
#include "base/printable.hpp"

#include <doctest/doctest.h>

namespace coppice::base {

TEST_CASE("what would leave its line, drive a terminal or turn the text is escaped, all other text stays") {
  struct {
    std::string_view given;
    std::string_view shown;
  } const cases[] = {
      {"plain 'text' \\ here", "plain 'text' \\ here"},
      {"naïve 名前 😀", "naïve 名前 😀"},
      {"two\nlines\r", "two\\x0alines\\x0d"},
      {"a\ttab", "a tab"},
      {"\x1b[31mred", "\\x1b[31mred"},
      {"\x7f", "\\x7f"},
      {"\xc2\x9b"
       "31m",
       "\\xc2\\x9b31m"},
      {"\xc2\xa0", "\xc2\xa0"},
      {"\xe2\x80\xa8 \xe2\x80\xae", "\\xe2\\x80\\xa8 \\xe2\\x80\\xae"},
      {"\xff\xc3(\xe2\x82", "\\xff\\xc3(\\xe2\\x82"},
      {"\xc0\x8a", "\\xc0\\x8a"},
      {"", ""},
  };
  for (const auto& each : cases) {
    CAPTURE(each.given);
    CHECK(printable(each.given) == each.shown);
    CHECK(is_printable(each.given) == (each.given == each.shown));
  }
}

TEST_CASE("what is quoted is shortened between two characters") {
  CHECK(in_quotes("a\nb") == "'a\\x0ab'");
  CHECK(in_quotes("ééé", 5) == "'éé…'");
  CHECK(in_quotes(std::string(100, 'x')) == "'" + std::string(60, 'x') + "…'");
}

} // namespace coppice::base
