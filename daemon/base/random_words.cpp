// SPDX-License-Identifier: MIT
// Computes four blocks at once: word i of all four is one vector, so all four share the same instructions.
#include "base/random_words.hpp"

#include <cstring>

#include "base/random.hpp"

namespace coppice::base {
namespace {

using lanes [[gnu::vector_size(16)]] = std::uint32_t;

constexpr int double_rounds = 4;

template <int Bits>
lanes rotated(lanes of) {
  return of << Bits | of >> (32 - Bits);
}

[[gnu::always_inline]] inline void quarter_round(lanes& a, lanes& b, lanes& c, lanes& d) {
  a += b;
  d = rotated<16>(d ^ a);
  c += d;
  b = rotated<12>(b ^ c);
  a += b;
  d = rotated<8>(d ^ a);
  c += d;
  b = rotated<7>(b ^ c);
}

lanes four_of(std::uint32_t word) {
  return lanes{word, word, word, word};
}

} // namespace

random_words::random_words() : key_{} {
  random_bytes({reinterpret_cast<std::uint8_t*>(key_.data()), sizeof key_});
}

random_words::~random_words() {
  wipe({reinterpret_cast<std::uint8_t*>(key_.data()), sizeof key_});
}

void random_words::refill() {
  std::array<lanes, 16> start;
  start[0] = four_of(0x61707865); // "expand 32-byte k"
  start[1] = four_of(0x3320646e);
  start[2] = four_of(0x79622d32);
  start[3] = four_of(0x6b206574);
  for (std::size_t i = 0; i < key_.size(); ++i) start[4 + i] = four_of(key_[i]);
  for (std::size_t lane = 0; lane < blocks; ++lane) {
    const std::uint64_t block = next_block_ + lane;
    start[12][lane] = static_cast<std::uint32_t>(block);
    start[13][lane] = static_cast<std::uint32_t>(block >> 32);
  }
  start[14] = start[15] = four_of(0);
  next_block_ += blocks;

  std::array<lanes, 16> x = start;
  for (int i = 0; i < double_rounds; ++i) {
    quarter_round(x[0], x[4], x[8], x[12]);
    quarter_round(x[1], x[5], x[9], x[13]);
    quarter_round(x[2], x[6], x[10], x[14]);
    quarter_round(x[3], x[7], x[11], x[15]);
    quarter_round(x[0], x[5], x[10], x[15]);
    quarter_round(x[1], x[6], x[11], x[12]);
    quarter_round(x[2], x[7], x[8], x[13]);
    quarter_round(x[3], x[4], x[9], x[14]);
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const lanes word = x[i] + start[i];
    std::memcpy(words_.data() + i * blocks, &word, sizeof word);
  }
  used_ = 0;
}

} // namespace coppice::base
