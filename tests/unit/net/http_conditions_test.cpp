// SPDX-License-Identifier: MIT
// Conditional requests and ranges: what a client says of its copy, and which part it asks for.
#include "net/http/http_conditions.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace coppice;

namespace {

constexpr std::int64_t modified = 1'000'000'000; // Sun, 09 Sep 2001 01:46:40 GMT
constexpr const char* at = "Sun, 09 Sep 2001 01:46:40 GMT";
constexpr const char* before = "Sun, 09 Sep 2001 01:46:39 GMT";
constexpr const char* after = "Sun, 09 Sep 2001 01:46:41 GMT";

// The STATUS of the answer; for 206 and 200 also OFFSET+LENGTH.
std::string judged(std::vector<net::http_header> headers, std::string method = "GET",
                   std::uint64_t size = 100, std::int64_t now = modified + 1) {
  net::http_request asked;
  asked.method = std::move(method);
  asked.headers = std::move(headers);
  const net::http_verdict out = net::judge(asked, {"\"v1\"", modified, size}, now);
  std::string text = std::to_string(out.status);
  if (out.status == 200 || out.status == 206)
    text += " " + std::to_string(out.offset) + "+" + std::to_string(out.length);
  return text;
}

bool accepts(const char* written) {
  net::http_request asked;
  asked.headers = {{"accept-encoding", written}};
  return net::http_accepts_coding(asked, "gzip");
}

} // namespace

TEST_CASE("dates are read in their three forms, and written in one") {
  CHECK(net::http_date(modified) == at);
  CHECK(net::read_http_date(at) == modified);
  CHECK(net::read_http_date("Sunday, 09-Sep-01 01:46:40 GMT") == modified);
  CHECK(net::read_http_date("Sun Sep  9 01:46:40 2001") == modified);
  for (const char* none :
       {"", "now", "Sun, 09 Sep 2001 01:46:40", "Sun, 09 Sep 2001 01:46:40 GMT+1", "1000000000"})
    CHECK_MESSAGE(!net::read_http_date(none), none);
}

TEST_CASE("a copy that is still good is not sent again") {
  CHECK(judged({}) == "200 0+100");
  CHECK(judged({{"if-none-match", "\"v1\""}}) == "304");
  CHECK(judged({{"if-none-match", "\"v0\" , W/\"v1\""}}) == "304");
  CHECK(judged({{"if-none-match", "*"}}) == "304");
  CHECK(judged({{"if-none-match", "\"v0\""}, {"if-modified-since", after}}) ==
        "200 0+100"); // the tag alone counts
  CHECK(judged({{"if-modified-since", at}}) == "304");
  CHECK(judged({{"if-modified-since", before}}) == "200 0+100");
  CHECK(judged({{"if-modified-since", "yesterday"}}) == "200 0+100");
  CHECK(judged({{"if-none-match", "\"v1\""}}, "HEAD") == "304");
}

TEST_CASE("what has changed is refused to who wants what it was") {
  CHECK(judged({{"if-match", "\"v1\""}}) == "200 0+100");
  CHECK(judged({{"if-match", "*"}}) == "200 0+100");
  CHECK(judged({{"if-match", "\"v0\""}}) == "412");
  CHECK(judged({{"if-match", "W/\"v1\""}}) == "412"); // a weak tag does not match byte by byte
  CHECK(judged({{"if-unmodified-since", at}}) == "200 0+100");
  CHECK(judged({{"if-unmodified-since", before}}) == "412");
  CHECK(judged({{"if-match", "\"v0\""}, {"if-none-match", "\"v1\""}}) == "412"); // If-Match is judged first
}

TEST_CASE("one range is a part, none that there is 416, and what is no range the whole") {
  const auto range = [](const char* text, std::uint64_t size = 100) {
    return judged({{"range", text}}, "GET", size);
  };
  CHECK(range("bytes=0-0") == "206 0+1");
  CHECK(range("bytes=10-19") == "206 10+10");
  CHECK(range("bytes=90-") == "206 90+10");
  CHECK(range("bytes=90-1000") == "206 90+10");
  CHECK(range("bytes=-7") == "206 93+7");
  CHECK(range("bytes=-1000") == "206 0+100");
  CHECK(range("bytes= 5-5 ") == "206 5+1");
  CHECK(range("bytes=0-18446744073709551615") == "206 0+100");
  for (const char* none : {"bytes=100-", "bytes=100-200", "bytes=-0", "bytes=18446744073709551615-"})
    CHECK_MESSAGE(range(none) == "416", none);
  CHECK(range("bytes=0-", 0) == "416");
  CHECK(range("bytes=-0", 0) == "416");
  CHECK(range("bytes=-5", 0) == "200 0+0"); // the whole, empty body
  for (const char* whole : {"bytes=5-4", "bytes=-", "bytes=", "bytes", "items=0-1", "bytes=0-1,5-6",
                            "bytes=a-b", "bytes=+1-2", "bytes=0-18446744073709551616", "bytes=0x1-2"})
    CHECK_MESSAGE(range(whole) == "200 0+100", whole);
  CHECK(judged({{"range", "bytes=0-0"}}, "HEAD") == "200 0+100");
}

TEST_CASE("a range is of the version that If-Range names, or the answer is whole") {
  const auto of = [](const char* version) { return judged({{"range", "bytes=1-1"}, {"if-range", version}}); };
  CHECK(of("\"v1\"") == "206 1+1");
  CHECK(of(at) == "206 1+1");
  for (const char* other : {"\"v0\"", "W/\"v1\"", before, after, "nonsense"})
    CHECK_MESSAGE(of(other) == "200 0+100", other);
}

TEST_CASE("a date does not tell what was written in the same second, and a tag does") {
  const auto of = [](const char* version) {
    return judged({{"range", "bytes=1-1"}, {"if-range", version}}, "GET", 100, modified);
  };
  CHECK(of(at) == "200 0+100");
  CHECK(of("\"v1\"") == "206 1+1");
}

TEST_CASE("lines of one name are one list") {
  CHECK(judged({{"if-match", "\"v0\""}, {"if-match", "\"v1\""}}) == "200 0+100");
  CHECK(judged({{"if-match", "\"v0\""}, {"if-match", "\"v2\""}}) == "412");
  CHECK(judged({{"if-none-match", "\"v0\""}, {"accept", "*/*"}, {"if-none-match", "W/\"v1\""}}) == "304");
  net::http_request asked;
  asked.headers = {{"accept-encoding", "br"}, {"accept-encoding", "gzip"}};
  CHECK(net::http_accepts_coding(asked, "gzip"));
  asked.headers = {{"accept-encoding", "gzip"}, {"accept-encoding", "gzip;q=0"}};
  CHECK(net::http_accepts_coding(asked, "gzip")); // the first element of this name counts
}

TEST_CASE("a comma between the quotes of a tag is part of the tag") {
  const auto known = [](const char* list) {
    net::http_request asked;
    asked.method = "GET";
    asked.headers = {{"if-none-match", list}};
    return net::judge(asked, {"\"a,b\"", modified, 100}, modified + 1).status == 304;
  };
  for (const char* yes : {"\"a,b\"", "W/\"a,b\"", "\"c,d\" , \"a,b\"", "\"a,b\",\"c\""})
    CHECK_MESSAGE(known(yes), yes);
  for (const char* no : {"\"a\",\"b\"", "\"c,\"a,b\"\"", "\"a,b", "a,b"}) CHECK_MESSAGE(!known(no), no);
}

TEST_CASE("a coding is taken where it is listed, with a weight that is not 0") {
  for (const char* yes :
       {"gzip", "deflate, GZIP", "gzip;q=0.5", "*", "br, *;q=0.1", "gzip, *;q=0", "gzip; q=1"})
    CHECK_MESSAGE(accepts(yes), yes);
  for (const char* no : {"", "br", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzip;q=0, *", "xgzip"})
    CHECK_MESSAGE(!accepts(no), no);
}
