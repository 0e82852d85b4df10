// SPDX-License-Identifier: MIT
// The outgoing queue: order, borrowing, and that appending never moves what was gathered.
#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <random>
#include <string>
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

} // namespace coppice::net
