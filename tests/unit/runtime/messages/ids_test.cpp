// SPDX-License-Identifier: MIT
// The layout of a reference made by this node, and what can be told from it after a peer has cut it to three
// words.
#include "runtime/messages/ids.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "runtime/actor.hpp"

namespace coppice::runtime::testing {
namespace {

reference cut(reference whole) {
  whole.count = 3;
  whole.words[3] = whole.words[4] = 0;
  return whole;
}

constexpr std::uint64_t highest = (std::uint64_t{1} << reference::number_bits) - 1;
constexpr pid owner{0, 77, 0x7FFFFFF, 9};

} // namespace

TEST_CASE("a reference is its number and its owner, whatever either is, with 18 bits in the first word") {
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1}, reference::of_request,
                                     reference::number_of(5, 0xFFFFFFFF), highest, highest / 3}) {
    for (const pid& by : {owner, pid{3, 1, 1, 0}, pid{0, 4, 0x5555555, 0xFFFFFFFF}}) {
      const auto ref = reference::made_by(by, number);
      CHECK(ref.number() == number);
      CHECK(ref.owner() == by);
      CHECK(ref.slot() == by.id);
      CHECK(ref.words[0] < 1U << 18);
      CHECK(ref.is_of_request() == ((number & reference::of_request) != 0));
    }
  }
}

TEST_CASE("a reference is whole if its owner and number make the same one") {
  for (const pid& by : {owner, pid{3, 1, 1, 0}, pid{0, 4, 0xF5555555, 7}})
    for (std::size_t word = 0; word < 5; ++word)
      for (unsigned bit = 0; bit < 32; ++bit) {
        auto ref = reference::made_by(by, highest / 3);
        CHECK(ref.is_whole());
        ref.words[word] ^= 1U << bit;
        CHECK(ref.is_whole() == (reference::made_by(ref.owner(), ref.number()) == ref));
      }
  CHECK_FALSE(cut(reference::made_by(owner, 1)).is_whole());
  CHECK_FALSE(reference{}.is_whole());
}

TEST_CASE("the third word is random: 32 bits that the others do not tell") {
  CHECK(reference::made_by(owner, reference::number_of(1, 0xDEADBEEF)).words[2] == 0xDEADBEEF);
  node on(1);
  const actor maker(on.host);
  std::set<std::uint32_t> words;
  maker.run([&](process& self) {
    for (int i = 0; i < 1000; ++i) words.insert(self.make_reference().words[2]);
    return 0;
  });
  CHECK(words.size() >= 999); // a duplicate occurs once in 8,000 runs
}

TEST_CASE("three words suffice to tell the owner, and are no one else's") {
  const auto ref = reference::made_by(owner, highest / 3);
  CHECK(cut(ref).whole(owner) == ref);
  for (const pid& other : {pid{0, 77, 0x7FFFFFE, 9}, pid{0, 78, 0x7FFFFFF, 9}, pid{1, 77, 0x7FFFFFF, 9}})
    CHECK(cut(ref).whole(other) == cut(ref));
  CHECK(ref.whole(pid{0, 77, 1, 0}) == ref);
}

TEST_CASE("the first three words of all references of a node differ, slots used again and again among them") {
  node on(1, {.processes = 16});
  std::set<std::array<std::uint32_t, 3>> seen;
  for (int round = 0; round < 200; ++round) {
    const actor maker(on.host);
    maker.run([&](process& self) {
      for (int i = 0; i < 100; ++i) {
        const auto words = self.make_reference().words;
        CHECK(seen.insert({words[0], words[1], words[2]}).second);
      }
      return 0;
    });
    maker.stop(atom("normal"));
    CHECK(eventually([&] { return !maker.alive(); }));
  }
}

TEST_CASE("whichever fields another node chooses, what it names is spread over a table") {
  constexpr std::size_t places = 1 << 14;
  // The number of hashes in the place that most of them share.
  const auto fullest = [](auto made) {
    std::vector<std::uint32_t> at(places);
    for (std::uint32_t i = 0; i < places; ++i) ++at[made(i) % places];
    return *std::ranges::max_element(at);
  };
  constexpr std::uint32_t bound = 24; // of 16,384 random hashes, at most about 9 share a place
  const pid_hash of_pid;
  CHECK(fullest([&](std::uint32_t i) { return of_pid({1, i, i, 0}); }) < bound);
  CHECK(fullest([&](std::uint32_t i) { return of_pid({1, 7, i << 14, 0}); }) < bound);
  CHECK(fullest([&](std::uint32_t i) { return of_pid({1, 7, 5, i << 18}); }) < bound);
  const reference_hash of_reference;
  CHECK(fullest([&](std::uint32_t i) { return of_reference({1, 7, 5, {1, 2, i, 4, i}}); }) < bound);
  CHECK(fullest([&](std::uint32_t i) { return of_reference({1, i, 5, {1, 2, 3, 4, 5}}); }) < bound);
  CHECK(fullest([&](std::uint32_t i) { return of_reference({1, 7, 3, {i << 4, 2, 3, 0, 0}}); }) < bound);
}

TEST_CASE("the node finds the whole of a reference by its slot, while its maker lives") {
  node on(1);
  const actor maker(on.host);
  const auto alias = maker.run([](process& self) { return self.make_alias(); });
  CHECK(on.host.whole(cut(alias)) == alias);
  CHECK(on.host.whole(alias) == alias);
  on.host.send(destination::alias(cut(alias)), atom("found"));
  CHECK(is_atom(maker.next(), "found"));
  auto guessed = cut(alias);
  guessed.words[2] ^= 1;
  on.host.send(destination::alias(guessed), atom("guessed"));
  maker.settle();
  CHECK(maker.waiting() == 0);
  maker.stop(atom("normal"));
  CHECK(eventually([&] { return !maker.alive(); }));
  CHECK(on.host.whole(cut(alias)) == cut(alias));
}

} // namespace coppice::runtime::testing
