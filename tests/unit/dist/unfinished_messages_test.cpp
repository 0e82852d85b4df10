// SPDX-License-Identifier: MIT
// Which connection has to go when incomplete messages take more memory than they may.
#include "dist/unfinished_messages.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using coppice::dist::unfinished_messages;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

struct holder {
  explicit holder(unfinished_messages& of) : share(of, [this] { ++told; }) {}
  std::atomic<int> told{0};
  unfinished_messages::share share;
};

} // namespace

TEST_CASE("what is held is counted while it is, and not when its holder is gone") {
  unfinished_messages all(10 * mebibyte);
  holder one(all);
  CHECK(one.share.empty());
  {
    holder two(all);
    one.share.set(mebibyte);
    two.share.set(3 * mebibyte);
    CHECK(all.bytes() == 4 * mebibyte);
    one.share.set(2 * mebibyte);
    CHECK(all.bytes() == 5 * mebibyte);
  }
  CHECK(all.bytes() == 2 * mebibyte);
  one.share.set(0);
  CHECK(all.bytes() == 0);
  CHECK(one.told == 0);
}

TEST_CASE("a few bytes are not counted, but a share with any is not empty") {
  unfinished_messages all(mebibyte);
  holder one(all);
  one.share.set(1000);
  CHECK(all.bytes() == 0);
  CHECK_FALSE(one.share.empty());
  one.share.set(0);
  CHECK(one.share.empty());
}

TEST_CASE("beyond the bound who holds the most has to go, whoever came last, and is told once") {
  unfinished_messages all(10 * mebibyte);
  holder small(all), large(all), last(all);
  small.share.set(2 * mebibyte);
  large.share.set(6 * mebibyte);
  last.share.set(3 * mebibyte);
  CHECK(small.told == 0);
  CHECK(large.told == 1);
  CHECK(last.told == 0);
  CHECK(all.bytes() == 5 * mebibyte); // as if its connection had ended
  large.share.set(9 * mebibyte);      // it has not ended yet
  CHECK(all.bytes() == 5 * mebibyte);
  CHECK(large.told == 1);
  last.share.set(9 * mebibyte);
  CHECK(last.told == 1);
  CHECK(small.told == 0);
  CHECK(all.bytes() == 2 * mebibyte);
}

TEST_CASE("as many go as it takes, and nobody for giving back") {
  unfinished_messages all(10 * mebibyte);
  std::vector<std::unique_ptr<holder>> five;
  for (int i = 0; i < 5; ++i) five.push_back(std::make_unique<holder>(all));
  for (const auto& one : five) one->share.set(2 * mebibyte);
  CHECK(all.bytes() == 10 * mebibyte);
  five[0]->share.set(11 * mebibyte);
  CHECK(five[0]->told == 1);
  five[1]->share.set(mebibyte);
  CHECK(all.bytes() == 7 * mebibyte);
  for (std::size_t i = 1; i < five.size(); ++i) CHECK(five[i]->told == 0);
}

TEST_CASE("holders on many threads leave nothing counted behind") {
  unfinished_messages all(16 * mebibyte);
  std::vector<std::thread> threads;
  std::atomic<int> told{0};
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&all, &told, t] {
      for (std::size_t i = 0; i < 2000; ++i) {
        holder one(all);
        for (std::size_t held = 0; held <= 8; held += 1 + t) one.share.set(held * mebibyte);
        if (i % 2 == 0) one.share.set(0);
        told += one.told;
      }
    });
  }
  for (auto& one : threads) one.join();
  CHECK(all.bytes() == 0);
}

TEST_CASE("who has to go stays if its messages have become whole meanwhile, and is counted again") {
  unfinished_messages all(10 * mebibyte);
  holder large(all), other(all);
  large.share.set(8 * mebibyte);
  other.share.set(3 * mebibyte);
  REQUIRE(large.told == 1);
  CHECK_FALSE(large.share.may_stay());
  large.share.set(mebibyte);
  CHECK(large.share.may_stay());
  CHECK(all.bytes() == 4 * mebibyte);
  large.share.set(9 * mebibyte);
  CHECK(large.told == 2);
  CHECK_FALSE(other.share.may_stay());
}
