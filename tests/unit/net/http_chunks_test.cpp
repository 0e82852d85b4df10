// SPDX-License-Identifier: MIT
// Decoding of chunked bodies: what is removed, and every form that two implementations could read
// differently, in one piece and byte by byte.
#include "net/http/http_chunks.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace coppice::net {
namespace {

using namespace std::string_literals;

struct reading {
  http_chunks::state end = http_chunks::state::more;
  std::string body;
  std::size_t taken = 0;
};

reading read(std::string_view text, std::size_t step, std::size_t extras) {
  http_chunks chunks(extras);
  reading out;
  while (out.taken < text.size() && chunks.now() == http_chunks::state::more) {
    const http_chunks::piece piece = chunks.feed(text.substr(out.taken, step));
    out.taken += piece.taken;
    out.body += piece.data;
  }
  out.end = chunks.now();
  return out;
}

reading read(std::string_view text, std::size_t extras = 64) {
  const reading whole = read(text, text.size(), extras);
  const reading bytes = read(text, 1, extras);
  CHECK(bytes.end == whole.end);
  CHECK(bytes.body == whole.body);
  CHECK(bytes.taken == whole.taken);
  return whole;
}

} // namespace

TEST_CASE("chunks are put together up to the last, and what stands behind it is left") {
  const reading seen = read("3\r\nabc\r\n00a;a=\"b c\"\r\n0123456789\r\n0\r\nX: y\r\nZ:\r\n\r\nGET");
  CHECK(seen.end == http_chunks::state::done);
  CHECK(seen.body == "abc0123456789");
  CHECK(seen.taken == "3\r\nabc\r\n00a;a=\"b c\"\r\n0123456789\r\n0\r\nX: y\r\nZ:\r\n\r\n"s.size());
  CHECK(read("0\r\n\r\n").end == http_chunks::state::done);
  CHECK(read("fF\r\n" + std::string(255, 'x') + "\r\n0\r\n\r\n").body.size() == 255);
}

TEST_CASE("a body that is not at its end says so") {
  for (const char* text : {"", "3", "3\r", "3\r\n", "3\r\nab", "3\r\nabc", "3\r\nabc\r\n", "0\r\n",
                           "0\r\nX: y\r\n", "0\r\nX: y\r\n\r"})
    CHECK(read(text).end == http_chunks::state::more);
}

TEST_CASE("what could be read in two ways is malformed") {
  const std::vector<std::string> all{
      "\r\n",
      "x\r\n",
      "+3\r\nabc\r\n",
      "0x3\r\nabc\r\n",
      " 3\r\nabc\r\n",
      "3 \r\nabc\r\n",
      "3 ;a\r\nabc\r\n",
      "3\nabc\r\n",
      "3\rXabc\r\n",
      "3;a\nabc\r\n",
      "3;a\rb\r\nabc\r\n",
      "3;a\0\r\nabc\r\n"s,
      "3\r\nabcd\r\n",
      "3\r\nabc\n0\r\n\r\n",
      "3\r\nabc\r0\r\n\r\n",
      "3\r\nabc0\r\n\r\n",
      "00000000000000003\r\nabc\r\n",
      "10000000000000000\r\n",
      "0\r\n\n",
      "0\r\n\rX",
      "0\r\nX: y\nZ: a\r\n\r\n",
      "0\r\nX: y\r\n z\r\n\r\n",
      "0\r\nX y: z\r\n\r\n",
      "0\r\nX\r\n\r\n",
      "0\r\n: y\r\n\r\n",
      "0\r\nX : y\r\n\r\n",
  };
  for (const std::string& text : all) {
    CAPTURE(text);
    CHECK(read(text).end == http_chunks::state::malformed);
  }
}

TEST_CASE("extensions of all chunks together, and trailers, are bounded") {
  CHECK(read("1;" + std::string(63, 'a') + "\r\nx\r\n0\r\n\r\n").end == http_chunks::state::done);
  CHECK(read("1;" + std::string(64, 'a') + "\r\nx\r\n0\r\n\r\n").end == http_chunks::state::too_long);
  std::string many;
  for (int i = 0; i < 65; ++i) many += "1;\r\nx\r\n";
  CHECK(read(many).end == http_chunks::state::too_long);
  CHECK(read("1;" + std::string(63, 'a') + "\r\nx\r\n0\r\nX:" + std::string(62, 'b') + "\r\n\r\n").end ==
        http_chunks::state::done);
  CHECK(read("0\r\nX:" + std::string(63, 'b') + "\r\n\r\n").end == http_chunks::state::too_long);
}

TEST_CASE("the largest size that can be said is no overflow") {
  http_chunks chunks;
  const http_chunks::piece piece = chunks.feed("ffffffffffffffff\r\nabc");
  CHECK(chunks.now() == http_chunks::state::more);
  CHECK(piece.data == "abc");
}

} // namespace coppice::net
