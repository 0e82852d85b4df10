// SPDX-License-Identifier: MIT
// The queue of outgoing bytes: order, borrowed pieces, that appending never moves bytes that were gathered,
// and insertion.
#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "net/write_queue.hpp"

namespace coppice::net {
namespace {

void count_release(void* context) {
  ++*static_cast<int*>(context);
}

std::string take(write_queue& queue, std::size_t n) {
  std::array<uv_buf_t, 64> parts;
  const std::size_t count = queue.gather(parts);
  std::string taken;
  for (std::size_t i = 0; i < count && taken.size() < n; ++i) {
    taken.append(parts[i].base, std::min(parts[i].len, n - taken.size()));
  }
  queue.advance(taken.size());
  return taken;
}

void insert(write_queue& queue, std::string_view bytes, std::size_t held = 0) {
  const auto room = queue.insert_in_place(bytes.size(), held);
  REQUIRE(room.size() == bytes.size());
  std::memcpy(room.data(), bytes.data(), bytes.size());
}

// As long as the distance between marks, so that there is a mark after each block.
std::string block_of(char letter) {
  return std::string(write_queue::mark_distance, letter);
}

// Everything that is queued, with each run of one letter replaced by that letter.
std::string letters_of(write_queue& queue) {
  std::string out;
  while (!queue.empty()) {
    for (const char each : take(queue, queue.bytes()))
      if (out.empty() || out.back() != each) out += each;
  }
  return out;
}

} // namespace

TEST_CASE("small writes in a row are one piece") {
  write_queue queue;
  for (int i = 0; i < 100; ++i) queue.append(base::as_bytes("0123456789"));
  std::array<uv_buf_t, 8> parts;
  CHECK(queue.gather(parts) == 1);
  CHECK(parts[0].len == 1000);
  CHECK(queue.bytes() == 1000);
}

TEST_CASE("a borrowed write is released exactly once, when its last byte is written") {
  int released = 0;
  const std::string large(5000, 'x');
  write_queue queue;
  queue.append(base::as_bytes("head"));
  queue.append_borrowed(base::as_bytes(large), count_release, &released);
  queue.append(base::as_bytes("tail"));
  std::array<uv_buf_t, 8> parts;
  REQUIRE(queue.gather(parts) == 3);
  CHECK(parts[1].base == large.data());
  queue.advance(4 + 4999);
  CHECK(released == 0);
  queue.advance(1);
  CHECK(released == 1);
  CHECK(take(queue, 100) == "tail");
  CHECK(queue.empty());
}

TEST_CASE("a small borrowed write is copied and released at once") {
  int released = 0;
  write_queue queue;
  {
    const std::string small = "small";
    queue.append_borrowed(base::as_bytes(small), count_release, &released);
  }
  CHECK(released == 1);
  CHECK(take(queue, 100) == "small");
}

TEST_CASE("clearing releases what was borrowed") {
  int released = 0;
  const std::string large(5000, 'x');
  {
    write_queue queue;
    queue.append_borrowed(base::as_bytes(large), count_release, &released);
    queue.append_borrowed(base::as_bytes(large), count_release, &released);
    queue.clear();
    CHECK(released == 2);
    queue.append_borrowed(base::as_bytes(large), count_release, &released);
  }
  CHECK(released == 3);
}

TEST_CASE("what was gathered stays in place while more is appended") {
  write_queue queue;
  queue.append(base::as_bytes("first"));
  std::array<uv_buf_t, 1> parts;
  queue.gather(parts);
  const char* const before = parts[0].base;
  for (int i = 0; i < 100'000; ++i) queue.append(base::as_bytes("more"));
  CHECK(std::string_view(before, 5) == "first");
  queue.gather(parts);
  CHECK(parts[0].base == before);
}

TEST_CASE("what is written in place lies together, also where a block has too little room left for it") {
  constexpr std::size_t size = write_queue::longest_in_place;
  write_queue queue;
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    const auto letter = static_cast<char>('a' + i);
    const auto room = queue.append_in_place(size - static_cast<std::size_t>(i));
    REQUIRE(room.size() == size - static_cast<std::size_t>(i));
    std::memset(room.data(), letter, room.size());
    expected.append(room.size(), letter);
    queue.append(base::as_bytes("between"));
    expected += "between";
  }
  CHECK(queue.bytes() == expected.size());
  CHECK(take(queue, expected.size()) == expected);
  CHECK(queue.empty());
}

TEST_CASE("any mixture of writes comes out in order, however it is taken") {
  std::mt19937 random(42);
  write_queue queue;
  std::vector<std::string> borrowed;
  borrowed.reserve(1000);
  std::string expected;
  std::string got;
  int released = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string piece(random() % 3 == 0 ? random() % 40'000 : random() % 100,
                      static_cast<char>('a' + i % 26));
    expected += piece;
    if (random() % 4 == 0 && !piece.empty() && piece.size() <= write_queue::longest_in_place) {
      const auto room = queue.append_in_place(piece.size());
      REQUIRE(room.size() == piece.size());
      std::memcpy(room.data(), piece.data(), piece.size());
    } else if (random() % 2 == 0) {
      borrowed.push_back(std::move(piece));
      queue.append_borrowed(base::as_bytes(borrowed.back()), count_release, &released);
    } else {
      queue.append(base::as_bytes(piece));
    }
    if (random() % 2 == 0) got += take(queue, random() % 50'000);
  }
  while (!queue.empty()) got += take(queue, 1 + random() % 50'000);
  CHECK(got == expected);
  CHECK(released == static_cast<int>(borrowed.size()));
}

TEST_CASE("inserted bytes go to the first mark behind those that are held, in their order") {
  write_queue queue;
  for (const char letter : {'a', 'b', 'c', 'd'}) {
    queue.mark();
    queue.append(base::as_bytes(block_of(letter)));
  }
  insert(queue, "1");
  insert(queue, "2");
  insert(queue, "3", 3); // both insertions and a part of `a` are with the kernel
  CHECK(queue.bytes() == 4 * write_queue::mark_distance + 3);
  queue.advance(2 + 10);
  insert(queue, "4", write_queue::mark_distance);
  CHECK(letters_of(queue) == "a3b4cd");
}

TEST_CASE("bytes are inserted at the end if there is no mark behind those that are held") {
  write_queue queue;
  insert(queue, "1");
  queue.append(base::as_bytes("a"));
  insert(queue, "2");
  queue.mark();
  queue.append(base::as_bytes(block_of('b')));
  insert(queue, "3", 4);
  queue.append(base::as_bytes("c"));
  CHECK(letters_of(queue) == "1a2b3c");
  queue.append(base::as_bytes("d"));
  insert(queue, "4");
  CHECK(letters_of(queue) == "d4");
}

TEST_CASE("marks are kept at a distance from each other") {
  write_queue queue;
  for (std::size_t i = 0; i < write_queue::mark_distance; ++i) {
    queue.mark();
    queue.append(base::as_bytes(i == 0 ? "a" : "b"));
  }
  queue.mark();
  queue.append(base::as_bytes("c"));
  insert(queue, "1", 1);
  CHECK(letters_of(queue) == "ab1c");
}

TEST_CASE("inserted bytes count until the last of them is written") {
  write_queue queue;
  CHECK(queue.bytes_inserted() == 0);
  queue.append(base::as_bytes("a"));
  insert(queue, "12");
  insert(queue, "345");
  CHECK(queue.bytes_inserted() == 5);
  queue.advance(2);
  CHECK(queue.bytes_inserted() == 5);
  queue.advance(1);
  CHECK(queue.bytes_inserted() == 3);
  queue.clear();
  CHECK(queue.bytes_inserted() == 0);
}

TEST_CASE("what was gathered stays in place while bytes are inserted behind it") {
  write_queue queue;
  queue.append(base::as_bytes("first"));
  queue.mark();
  queue.append(base::as_bytes(block_of('b')));
  std::array<uv_buf_t, 1> parts;
  REQUIRE(queue.gather(parts) == 1);
  for (int i = 0; i < 100; ++i) insert(queue, "1", 5);
  CHECK(std::string_view(parts[0].base, 5) == "first");
  std::array<uv_buf_t, 1> now;
  queue.gather(now);
  CHECK(now[0].base == parts[0].base);
  CHECK(letters_of(queue) == "first1b");
}

// A piece repeats one letter and ends with a line feed. Inserted pieces have capital letters.
TEST_CASE("no piece is cut by what is inserted, and both kinds keep their order") {
  std::mt19937 random(7);
  write_queue queue;
  std::deque<std::string> borrowed;
  std::string appended, inserted, got;
  int released = 0;
  const auto piece_of = [&](char first, int number, std::size_t size) {
    return std::string(size, static_cast<char>(first + number % 26)) + "\n";
  };
  for (int i = 0; i < 3000; ++i) {
    queue.mark();
    const std::string piece = piece_of('a', i, 1 + random() % (random() % 8 == 0 ? 90'000 : 3000));
    appended += piece;
    if (random() % 3 == 0)
      queue.append_borrowed(base::as_bytes(borrowed.emplace_back(piece)), count_release, &released);
    else
      queue.append(base::as_bytes(piece));
    const std::size_t held = random() % 2 == 0 ? 0 : random() % (queue.bytes() + 1);
    if (random() % 4 == 0) {
      const std::string ahead = piece_of('A', i, 1 + random() % 500);
      inserted += ahead;
      insert(queue, ahead, held);
    }
    if (random() % 3 == 0) got += take(queue, random() % 30'000);
  }
  while (!queue.empty()) got += take(queue, 1 << 20);
  CHECK(released == static_cast<int>(borrowed.size()));
  std::string small, capital;
  bool whole = true;
  for (std::size_t at = 0; at < got.size();) {
    const std::size_t after = got.find('\n', at) + 1;
    whole = whole && got.find_first_not_of(got[at], at) == after - 1;
    (got[at] >= 'A' && got[at] <= 'Z' ? capital : small) += got.substr(at, after - at);
    at = after;
  }
  CHECK(whole);
  CHECK(small == appended);
  CHECK(capital == inserted);
}

} // namespace coppice::net
