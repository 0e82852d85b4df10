// SPDX-License-Identifier: MIT
// Two lanes of multiply-and-fold over a 128-bit product, as wyhash has one, each with a key of its own.
#include "spec/schema/fingerprint.hpp"

#include <cstring>

#include "base/random.hpp"

namespace coppice::spec {
namespace {

struct keys {
  fingerprint start{base::random_u64(), base::random_u64()};
  std::uint64_t low = base::random_u64() | 1;
  std::uint64_t high = base::random_u64() | 1;
};

const keys& process_keys() {
  static const keys made;
  return made;
}

std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using wide = unsigned __int128;
  const wide product = wide{a} * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

} // namespace

fingerprinter::fingerprinter() : state_(process_keys().start) {}

void fingerprinter::add(std::uint64_t number) {
  const keys& by = process_keys();
  // The lane itself goes in beside the product: a product that is 0 must not wipe out what came before.
  state_.low = fold(state_.low ^ number, by.low) + (state_.low << 1 | state_.low >> 63);
  state_.high = fold(state_.high ^ number, by.high) + (state_.high << 1 | state_.high >> 63);
}

void fingerprinter::add(std::string_view text) {
  add(text.size());
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::size_t length = text.size() < sizeof word ? text.size() : sizeof word;
    std::memcpy(&word, text.data(), length);
    add(word);
    text.remove_prefix(length);
  }
}

void fingerprinter::add(const fingerprint& other) {
  add(other.low);
  add(other.high);
}

} // namespace coppice::spec
