// SPDX-License-Identifier: MIT
// A short value that is compared in place of a long one. Equal values have equal fingerprints. Different
// values have different ones, except by a chance of 2^-64 that nothing can raise: the fingerprints are keyed
// by the process, so they mean nothing outside it. Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace coppice::spec {

struct fingerprint {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const fingerprint&) const = default;
};

// Makes the fingerprint of a sequence of texts, numbers and fingerprints, which depends on their order.
class fingerprinter {
 public:
  fingerprinter();
  void add(std::string_view text); // with its length
  void add(std::uint64_t number);
  void add(const fingerprint& other);
  fingerprint done() const { return state_; }

 private:
  fingerprint state_;
};

} // namespace coppice::spec
