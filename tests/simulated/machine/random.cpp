// SPDX-License-Identifier: MIT
// Random bytes, from the seed. Bytes that are drawn before the machine runs (seeds of hash tables) are the
// same in each process.
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "machine.hpp"

namespace coppice::simulated {
namespace {

std::uint64_t before_the_machine = 0x243f6a8885a308d3;

std::uint64_t next_word() {
  if (current() != nullptr) return draw();
  return before_the_machine = before_the_machine * 6364136223846793005 + 1442695040888963407;
}

void fill(void* into, std::size_t count) {
  auto* at = static_cast<unsigned char*>(into);
  while (count > 0) {
    const std::uint64_t word = next_word();
    const std::size_t part = std::min(count, sizeof word);
    std::memcpy(at, &word, part);
    at += part;
    count -= part;
  }
}

} // namespace
} // namespace coppice::simulated

extern "C" {

ssize_t getrandom(void* into, size_t count, unsigned) {
  coppice::simulated::fill(into, count);
  return static_cast<ssize_t>(count);
}

int getentropy(void* into, size_t count) {
  coppice::simulated::fill(into, count);
  return 0;
}

std::uint32_t arc4random() noexcept {
  return static_cast<std::uint32_t>(coppice::simulated::next_word());
}

// std::random_device::_M_getval(), which may ask the processor itself.
unsigned random_device_value(void*) asm("_ZNSt13random_device9_M_getvalEv");
unsigned random_device_value(void*) {
  return arc4random();
}

} // extern "C"
