// SPDX-License-Identifier: MIT
// getrandom(2), and comparison without branches on secrets. Any thread.
#include "base/random.hpp"

#include <strings.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace coppice::base {

void random_bytes(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got > 0) {
      out = out.subspan(static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      std::_Exit(1);
    }
  }
}

std::uint32_t random_u32() {
  return static_cast<std::uint32_t>(random_u64());
}

std::uint64_t random_u64() {
  std::array<std::uint8_t, 8> raw{};
  random_bytes(raw);
  std::uint64_t value = 0;
  std::memcpy(&value, raw.data(), raw.size());
  return value;
}

std::uint64_t random_below(std::uint64_t bound) {
  // Values below `skip` are drawn again, so that all results are equally likely.
  const std::uint64_t skip = (0 - bound) % bound;
  std::uint64_t value = random_u64();
  while (value < skip) value = random_u64();
  return value % bound;
}

double random_share() {
  constexpr std::uint64_t steps = 1U << 20;
  return static_cast<double>(random_below(steps)) / static_cast<double>(steps);
}

bool equal_secret(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  if (a.size() != b.size()) return false;
  volatile std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

void wipe(std::span<std::uint8_t> secret) {
  if (!secret.empty()) explicit_bzero(secret.data(), secret.size());
}

} // namespace coppice::base
