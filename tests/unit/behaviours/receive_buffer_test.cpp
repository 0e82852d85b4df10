// SPDX-License-Identifier: MIT
// Tests of the buffer for the bytes of a stream that wait for its actor: the bytes lie in one piece, parts
// of it can be kept without a copy, and the buffer is never much larger than the bytes.
#include "behaviours/streams/receive_buffer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "runtime/messages/raw_message.hpp"

using namespace coppice;
using behaviours::receive_buffer;

namespace {

base::bytes_span bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
std::string text_of(base::bytes_span bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace

TEST_CASE("bytes that are appended lie together, and what is used is gone") {
  receive_buffer buffer;
  CHECK(buffer.empty());
  buffer.append(bytes_of("one "), 0);
  buffer.append(bytes_of("two"), 0);
  CHECK(text_of(buffer.bytes()) == "one two");
  buffer.consume(4);
  CHECK(text_of(buffer.bytes()) == "two");
  buffer.consume(3);
  CHECK(buffer.empty());
  buffer.append(bytes_of("again"), 0);
  CHECK(text_of(buffer.bytes()) == "again");
}

TEST_CASE("a part that is kept stays as it was, whatever comes behind it") {
  receive_buffer buffer;
  buffer.append(bytes_of("kept|"), 4096);
  const runtime::message part = buffer.part(0, 4);
  for (int i = 0; i < 1000; ++i) buffer.append(bytes_of("more and more"), 0);
  buffer.consume(buffer.size());
  CHECK(text_of(part.bytes()) == "kept");
}

TEST_CASE("what comes byte by byte is not copied each time") {
  receive_buffer buffer;
  const std::uint8_t* place = nullptr;
  int moves = 0;
  for (int i = 0; i < 100'000; ++i) {
    buffer.append(bytes_of("x"), 0);
    if (buffer.bytes().data() != place) ++moves;
    place = buffer.bytes().data();
  }
  CHECK(buffer.size() == 100'000);
  CHECK(moves < 20);
}

TEST_CASE("room for a long frame is taken as it comes, whatever was announced") {
  constexpr std::size_t announced = std::size_t{16} << 20;
  receive_buffer buffer;
  buffer.append(bytes_of("head"), 0);
  buffer.append(bytes_of("!"), announced);
  CHECK(text_of(buffer.bytes()) == "head!");
  const auto kept = [&] { return buffer.part(0, 1).footprint(); };
  CHECK(kept() < 16 << 10);
  int moves = 0;
  const std::uint8_t* place = buffer.bytes().data();
  while (buffer.size() < announced) {
    const auto room = buffer.space(announced);
    REQUIRE(!room.empty());
    if (buffer.bytes().data() != place) ++moves;
    place = buffer.bytes().data();
    const std::size_t count = std::min({room.size(), announced - buffer.size(), std::size_t{60'000}});
    room[0] = 'x';
    buffer.append_written(count);
    CHECK(kept() < 4 * buffer.size() + (std::size_t{64} << 10));
  }
  CHECK(moves < 10);
  CHECK(text_of(buffer.part(0, 5).bytes()) == "head!");
}

TEST_CASE("a few bytes do not keep much memory") {
  runtime::raw_message::room large = runtime::raw_message::allocate(65536);
  large.begin[0] = 'a';
  receive_buffer buffer;
  buffer.adopt(runtime::raw_message::adopt(large.owner, {large.begin, 65536}));
  buffer.consume(65530);
  const std::uint8_t* const before = buffer.bytes().data();
  buffer.compact();
  CHECK(buffer.size() == 6);
  CHECK(buffer.bytes().data() != before);
  const std::uint8_t* const small = buffer.bytes().data();
  buffer.compact();
  CHECK(buffer.bytes().data() == small);
}
