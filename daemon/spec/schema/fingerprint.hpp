// SPDX-License-Identifier: MIT
// A short stand-in for a value that is only asked whether it is the same as another: equal values have equal
// fingerprints, different ones do not but for a chance nobody meets (2^-64), nor can make: they are keyed by
// the process, which is why they are worth nothing outside it. Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace coppice::spec {

struct fingerprint {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const fingerprint&) const = default;
};

// Of a sequence of texts, numbers and fingerprints, one for each order they are added in.
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
