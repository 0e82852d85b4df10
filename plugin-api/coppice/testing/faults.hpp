// SPDX-License-Identifier: MIT
// Faults in host calls: the call that the test names does nothing and returns the status that it gives.
//
//   faults now;
//   now.fail("send", nth(3), COPPICE_E_FULL);
//   now.fail("call", chance(0.1, 7), COPPICE_E_TIMEOUT);        // the seed is 7
//
// They hold for all actors until the object is destroyed. In the test's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coppice/testing/rules.hpp>

namespace coppice::testing {

namespace detail {
/// A generator whose numbers are the same everywhere (splitmix64).
class seeded {
 public:
  explicit seeded(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

 private:
  std::uint64_t state_;
};
} // namespace detail

/// Whether the n-th call (from 1) of that function fails.
using occasion = std::function<bool(std::uint64_t n, std::string_view function)>;

occasion always();
occasion nth(std::uint64_t which);
/// Each call with that probability, from 0 to 1; the same seed fails the same calls.
occasion chance(double probability, std::uint64_t seed);
class faults {
 public:
  faults() : outer_(std::exchange(current(), this)) { detail::fault_of = &decide; }
  faults(const faults&) = delete;
  faults& operator=(const faults&) = delete;
  ~faults();

  /// `function` is a host call of the C headers, "send", or with its interface, "coppice.actor/1's send".
  void fail(std::string function, occasion when, std::int32_t status);
  /// The calls that failed, in order.
  std::vector<std::string> done;

 private:
  struct rule {
    std::string function;
    occasion when;
    std::int32_t status;
    std::uint64_t calls;
  };
  static faults*& current();
  static bool names(std::string_view wanted, std::string_view function);
  static std::int32_t decide(std::string_view function);

  faults* outer_;
  std::vector<rule> all_;
};

} // namespace coppice::testing
