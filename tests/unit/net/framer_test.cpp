// SPDX-License-Identifier: MIT
// Frames from a stream, whatever pieces the stream arrives in.
#include "net/stream/framer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::net {
namespace {

using namespace std::string_literals;
using frames = std::vector<std::string>;

framing line(std::size_t max) {
  framing how;
  how.by = framing::kind::line;
  how.max = max;
  return how;
}
framing fixed(std::size_t size) {
  framing how;
  how.by = framing::kind::fixed;
  how.size = size;
  return how;
}
framing length(std::uint8_t bytes, std::size_t max = 1000) {
  framing how;
  how.by = framing::kind::length;
  how.bytes = bytes;
  how.header = bytes;
  how.max = max;
  return how;
}
framing delimiter(std::string ends, std::size_t max = 1000) {
  framing how;
  how.by = framing::kind::delimiter;
  how.delimiter = std::move(ends);
  how.max = max;
  return how;
}

std::string number(std::uint64_t value, std::size_t bytes, bool little_endian = false) {
  std::string out;
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t shift = 8 * (little_endian ? i : bytes - 1 - i);
    out += static_cast<char>(value >> shift & 0xff);
  }
  return out;
}

struct cut {
  frames got;
  std::string rest; // bytes that are not a complete frame yet
  std::optional<std::string> failed;
};

// Gives the stream to a framer in pieces of `step` bytes.
cut cut_up(const framing& how, std::string_view stream, std::size_t step) {
  REQUIRE(check_framing(how));
  framer under_test(how);
  cut out;
  while (!stream.empty() && !out.failed) {
    out.rest += stream.substr(0, step);
    stream.remove_prefix(std::min(step, stream.size()));
    for (;;) {
      const auto seen = under_test.look(base::as_bytes(out.rest));
      if (seen.is == framer::outcome::too_large) {
        out.failed = under_test.why().text;
        break;
      }
      if (seen.is == framer::outcome::more) {
        CHECK(seen.needed > out.rest.size());
        CHECK(seen.needed <= under_test.longest());
        break;
      }
      REQUIRE(seen.consumed > 0);
      REQUIRE(seen.consumed <= out.rest.size());
      REQUIRE(seen.offset + seen.length <= seen.consumed);
      out.got.push_back(out.rest.substr(seen.offset, seen.length));
      out.rest.erase(0, seen.consumed);
    }
  }
  return out;
}

// Cuts the stream in every way that can make a difference, and checks that the frames are the same each time.
cut cut_each_way(const framing& how, std::string_view stream) {
  cut whole = cut_up(how, stream, stream.size());
  for (std::size_t step = 1; step < stream.size() && step < 40; ++step) {
    const cut other = cut_up(how, stream, step);
    CHECK(other.got == whole.got);
    CHECK(other.failed == whole.failed);
    if (!whole.failed) CHECK(other.rest == whole.rest);
  }
  return whole;
}

} // namespace

TEST_CASE("lines end with a line feed, before which a carriage return is cut off") {
  const cut seen = cut_each_way(line(100), "one\ntwo\r\n\n\r\na\rb\r\r\nrest");
  CHECK(seen.got == frames{"one", "two", "", "", "a\rb\r"});
  CHECK(seen.rest == "rest");
  CHECK_FALSE(seen.failed);
}

TEST_CASE("a line may have max bytes beside its end, and not one more") {
  CHECK(cut_each_way(line(4), "1234\n1234\r\n").got == frames{"1234", "1234"});
  for (const char* over : {"12345\n", "12345\r\n", "1234\rx", "1234\r\r\n", "12345"}) {
    const cut seen = cut_each_way(line(4), "ok\n"s + over);
    CHECK(seen.got == frames{"ok"});
    REQUIRE(seen.failed);
    CHECK(*seen.failed == "frame_too_large: more than 4 bytes without an end");
  }
}

TEST_CASE("blocks of a fixed size are cut one behind the other") {
  const cut seen = cut_each_way(fixed(3), "abcdefgh");
  CHECK(seen.got == frames{"abc", "def"});
  CHECK(seen.rest == "gh");
}

TEST_CASE("a length of every width and order says what follows its header") {
  for (const auto bytes : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{4}, std::uint8_t{8}}) {
    for (const bool little : {false, true}) {
      framing how = length(bytes, 200);
      how.little_endian = little;
      const std::string most(200, 'x');
      const std::string stream = number(3, bytes, little) + "abc" + number(0, bytes, little) +
                                 number(200, bytes, little) + most + number(5, bytes, little) + "rest";
      const cut seen = cut_each_way(how, stream);
      CHECK(seen.got == frames{"abc", "", most});
      CHECK(seen.rest == number(5, bytes, little) + "rest");
      const cut over = cut_each_way(how, number(201, bytes, little));
      CHECK(over.failed == "frame_too_large: 201 bytes announced, at most 200 are taken");
    }
  }
}

TEST_CASE("the length may stand within a header, which it may count and the frame may keep") {
  framing how = length(2);
  how.at = 1;
  how.header = 5;
  const std::string stream = "T" + number(2, 2) + "##ab" + "U" + number(0, 2) + "##";
  CHECK(cut_each_way(how, stream).got == frames{"ab", ""});
  how.with_header = true;
  CHECK(cut_each_way(how, stream).got == frames{"T" + number(2, 2) + "##ab", "U" + number(0, 2) + "##"});
  how.includes_header = true;
  how.with_header = false;
  CHECK(cut_each_way(how, "T" + number(7, 2) + "##ab" + "U" + number(5, 2) + "##").got == frames{"ab", ""});
}

TEST_CASE("a length that is smaller than its header, or so large that it overflows, is too large") {
  framing how = length(8);
  how.includes_header = true;
  CHECK(cut_each_way(how, number(7, 8) + "abc").failed ==
        "frame_too_large: 7 bytes announced, less than its header's 8");
  for (const bool counts : {false, true}) {
    how.includes_header = counts;
    for (const std::uint64_t huge : {std::numeric_limits<std::uint64_t>::max(),
                                     std::numeric_limits<std::uint64_t>::max() - 7, std::uint64_t{1} << 63}) {
      CHECK(cut_each_way(how, number(huge, 8) + "abc").failed);
    }
  }
}

TEST_CASE("a frame that is announced tells how large a buffer it needs") {
  framer under_test(length(4, 1000));
  CHECK(under_test.look(base::as_bytes("")).needed == 4);
  CHECK(under_test.look(base::as_bytes(number(700, 4))).needed == 704);
  CHECK(under_test.look(base::as_bytes(number(700, 4) + "some")).needed == 704);
  CHECK(under_test.longest() == 1004);
}

TEST_CASE("a delimiter of several bytes is found across pieces, also behind its own beginning") {
  CHECK(cut_each_way(delimiter("END"), "aEENDENDbEN").got == frames{"aE", ""});
  CHECK(cut_each_way(delimiter("aab"), "aaab").got == frames{"a"});
  CHECK(cut_each_way(delimiter("\0"s), "one\0two\0x"s).got == frames{"one", "two"});
  CHECK(cut_each_way(delimiter("0123456789abcdef"), "x0123456789abcde0123456789abcdef").got ==
        frames{"x0123456789abcde"});
}

TEST_CASE("a delimited frame may have max bytes before the delimiter, and not one more") {
  CHECK(cut_each_way(delimiter("--", 3), "abc--").got == frames{"abc"});
  CHECK(cut_each_way(delimiter("--", 3), "abcd--").failed);
  CHECK(cut_each_way(delimiter("--", 3), "abc-x").failed);
}

TEST_CASE("without framing a frame is what is there, at most max bytes of it") {
  framing how;
  how.max = 4;
  framer under_test(how);
  CHECK(under_test.look({}).is == framer::outcome::more);
  const auto seen = under_test.look(base::as_bytes("abcdef"));
  CHECK(seen.is == framer::outcome::frame);
  CHECK(seen.length == 4);
  CHECK(seen.consumed == 4);
}

// Searched bytes are overwritten with line ends, which a second search would find.
TEST_CASE("bytes that were searched are not searched again") {
  for (const framing& how : {line(100'000), delimiter("\n", 100'000)}) {
    framer under_test(how);
    std::string bytes;
    for (int i = 0; i < 65'536; ++i) {
      bytes += 'x';
      REQUIRE(under_test.look(base::as_bytes(bytes)).is == framer::outcome::more);
      bytes.back() = '\n';
    }
    bytes += '\n';
    const auto seen = under_test.look(base::as_bytes(bytes));
    CHECK(seen.is == framer::outcome::frame);
    CHECK(seen.length == 65'536);
  }
}

TEST_CASE("after a frame that is too large there are no more") {
  framer under_test(line(2));
  CHECK(under_test.look(base::as_bytes("abc")).is == framer::outcome::too_large);
  CHECK(under_test.look(base::as_bytes("a\n")).is == framer::outcome::too_large);
  CHECK(under_test.why().code == base::errc::limit);
}

TEST_CASE("framing out of its bounds is refused, naming the key") {
  const auto refused = [](const framing& how) {
    const auto done = check_framing(how);
    REQUIRE_FALSE(done);
    return done.error().text;
  };
  CHECK(refused(line(0)) == "frame.max: 1 to 1099511627776");
  CHECK(refused(fixed(0)) == "frame.size: 1 to 16777216, which is max");
  CHECK(refused(fixed(std::size_t{1} << 30)) == "frame.size: 1 to 16777216, which is max");
  CHECK(refused(length(3)) == "frame.bytes: 1, 2, 4 or 8");
  framing late = length(4);
  late.at = 1;
  CHECK(refused(late) == "frame.header: at least 5, where the length ends");
  CHECK(refused(delimiter("")) == "frame.delimiter: 1 to 16 bytes");
  CHECK(refused(delimiter(std::string(17, 'x'))) == "frame.delimiter: 1 to 16 bytes");
}

} // namespace coppice::net
