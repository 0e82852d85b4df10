// SPDX-License-Identifier: MIT
// Uses the processor's instruction if there is one (x86-64 with SSE 4.2), else tables, eight bytes at a time.
#include "base/crc32c.hpp"

#include <array>
#include <bit>
#include <cstring>

#ifdef __x86_64__
#include <nmmintrin.h>
#endif

namespace coppice::base {
namespace {

using tables = std::array<std::array<std::uint32_t, 256>, 8>;

// The first table has the checksums of single bytes; table n those of a byte with n zero bytes behind it.
constexpr tables table = [] {
  tables out{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    out[0][i] = i;
    for (int bit = 0; bit < 8; ++bit) out[0][i] = (out[0][i] >> 1) ^ (0x82f63b78U & (0U - (out[0][i] & 1U)));
  }
  for (std::size_t n = 1; n < out.size(); ++n)
    for (std::size_t i = 0; i < 256; ++i) out[n][i] = (out[n - 1][i] >> 8) ^ out[0][out[n - 1][i] & 0xffU];
  return out;
}();

std::uint32_t by_table(bytes_span bytes, std::uint32_t sum) {
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    const std::uint32_t low =
        sum ^ (at[0] | at[1] << 8 | at[2] << 16 | static_cast<std::uint32_t>(at[3]) << 24);
    sum = table[7][low & 0xffU] ^ table[6][low >> 8 & 0xffU] ^ table[5][low >> 16 & 0xffU] ^
          table[4][low >> 24] ^ table[3][at[4]] ^ table[2][at[5]] ^ table[1][at[6]] ^ table[0][at[7]];
  }
  for (; left > 0; ++at, --left) sum = table[0][(sum ^ *at) & 0xffU] ^ (sum >> 8);
  return sum;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(bytes_span bytes, std::uint32_t sum) {
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t wide = sum;
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    wide = _mm_crc32_u64(wide, word);
  }
  sum = static_cast<std::uint32_t>(wide);
  for (; left > 0; ++at, --left) sum = _mm_crc32_u8(sum, *at);
  return sum;
}
#endif

} // namespace

std::uint32_t crc32c(bytes_span bytes, std::uint32_t before) {
#ifdef __x86_64__
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return ~by_instruction(bytes, ~before);
#endif
  return ~by_table(bytes, ~before);
}

} // namespace coppice::base
