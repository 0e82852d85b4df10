// SPDX-License-Identifier: MIT
// Tests of the meaning of plain scalars: YAML 1.2's core schema, durations and sizes.
#include "spec/schema/scalar.hpp"

#include <doctest/doctest.h>

using namespace coppice;

namespace {

spec::node plain(const char* text) {
  spec::node made;
  made.what = spec::node::kind::scalar;
  made.text = text;
  return made;
}

} // namespace

TEST_CASE("plain texts are resolved as YAML 1.2 says: yes, no, on and off are texts") {
  for (const char* text : {"yes", "no", "on", "off", "abc", "1.2.3", "0x", "1e", "-", "+", ".", "127.0.0.1",
                           "1_000", "0b1", "12ab", "15000-65000", "--1", "1:30"}) {
    CAPTURE(text);
    auto from = plain(text);
    CHECK(std::holds_alternative<std::string_view>(resolve(from)));
  }
  for (const char* text : {"", "~", "null", "Null", "NULL"})
    CHECK(std::holds_alternative<std::nullptr_t>(resolve(plain(text))));
  CHECK(std::get<bool>(resolve(plain("True"))));
  CHECK_FALSE(std::get<bool>(resolve(plain("false"))));
}

TEST_CASE("numbers keep 64 bits, and what is beyond is named too large") {
  struct row {
    const char* text;
    bool negative;
    std::uint64_t magnitude;
  };
  for (const auto& one :
       {row{"0", false, 0}, row{"-0", false, 0}, row{"+7", false, 7}, row{"-12", true, 12},
        row{"0x1F", false, 31}, row{"0o17", false, 15}, row{"0123", false, 123},
        row{"18446744073709551615", false, UINT64_MAX}, row{"-9223372036854775808", true, 1ull << 63}}) {
    CAPTURE(one.text);
    auto from = plain(one.text);
    auto value = std::get<spec::whole_number>(resolve(from));
    CHECK(value.negative == one.negative);
    CHECK(value.magnitude == one.magnitude);
  }
  for (const char* text :
       {"18446744073709551616", "-9223372036854775809", "1e999", ".inf", "-.inf", ".nan"}) {
    CAPTURE(text);
    CHECK(std::holds_alternative<spec::too_large>(resolve(plain(text))));
  }
  CHECK(std::get<double>(resolve(plain("1.5"))) == 1.5);
  CHECK(std::get<double>(resolve(plain("-.5"))) == -0.5);
  CHECK(std::get<double>(resolve(plain("+1e3"))) == 1000);
}

TEST_CASE("quotes make a text of anything") {
  auto from = plain("5");
  from.quoted = true;
  CHECK(std::get<std::string_view>(resolve(from)) == "5");
}

TEST_CASE("durations and sizes are read and printed alike") {
  using ms = std::chrono::milliseconds;
  CHECK(spec::parse_duration("10ms") == ms(10));
  CHECK(spec::parse_duration("5s") == ms(5000));
  CHECK(spec::parse_duration("2m") == ms(120'000));
  CHECK(spec::parse_duration("1h") == ms(3'600'000));
  for (const char* bad : {"", "5", "s", "5 s", "-5s", "1.5s", "5S", "5d", "99999999999s"})
    CHECK_FALSE(spec::parse_duration(bad));
  CHECK(spec::parse_size("64KiB") == 65536u);
  CHECK(spec::parse_size("1MB") == 1'000'000u);
  CHECK(spec::parse_size("0B") == 0u);
  for (const char* bad : {"", "5", "KiB", "64 KiB", "64kib", "-1B", "999999999999TiB"})
    CHECK_FALSE(spec::parse_size(bad));
  for (std::int64_t value : {0, 1, 999, 1000, 5000, 60'000, 90'000, 120'000, 3'600'000, 7'200'000})
    CHECK(spec::parse_duration(spec::print_duration(ms(value))) == ms(value));
  for (std::uint64_t value : {0ull, 1ull, 1000ull, 1024ull, 1500ull, 1ull << 28, 5ull << 30, 1'000'000ull})
    CHECK(spec::parse_size(spec::print_size(value)) == value);
  CHECK(spec::print_duration(ms(60'000)) == "60s");
  CHECK(spec::print_duration(ms(1000)) == "1s");
  CHECK(spec::print_size(256ull << 20) == "256MiB");
}
