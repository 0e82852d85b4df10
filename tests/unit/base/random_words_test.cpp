// SPDX-License-Identifier: MIT
// The random numbers are ChaCha's key stream with 8 rounds, block after block, and no two generators have the
// same.
#include "base/random_words.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace coppice;

TEST_CASE("the words of the key of zeros are the published key stream of ChaCha8") {
  // J. Strombergson, "Test Vectors for the Stream Cipher ChaCha", TC1, 256-bit key, 8 rounds: block 0, as
  // little-endian words.
  constexpr std::array<std::uint32_t, 16> published{
      0x2fef003e, 0xd6405f89, 0xe8b85b7f, 0xa1a5091f, 0xc30e842c, 0x3b7f9ace, 0x88e11b18, 0x1e1a71ef,
      0x72e14c98, 0x416f21b9, 0x6753449f, 0x19566d45, 0xa3424a31, 0x01b086da, 0xb8fd7b38, 0x42fe0c0e};
  base::random_words words{std::array<std::uint32_t, 8>{}};
  std::array<std::uint32_t, 64> batch{};
  for (auto& word : batch) word = words.next();
  for (std::size_t i = 0; i < published.size(); ++i) {
    CAPTURE(i);
    CHECK(batch[4 * i] == published[i]); // four blocks are computed side by side
  }
}

TEST_CASE("words do not come again, neither of one generator nor of two") {
  base::random_words one;
  base::random_words other;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    for (auto* from : {&one, &other}) {
      const auto high = static_cast<std::uint64_t>(from->next()) << 32;
      CHECK(seen.insert(high | from->next()).second);
    }
  }
}
