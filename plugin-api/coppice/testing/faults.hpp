// SPDX-License-Identifier: MIT
// Faults in host calls: the call that the test names does nothing and returns the status that it gives.
//
//   faults now;
//   now.fail("send", nth(3), COPPICE_E_FULL);
//   now.fail("call", chance(0.1, 7), COPPICE_E_TIMEOUT);        // the seed is 7
//
// They hold for all actors until the object is destroyed. Header-only. In the test's thread.
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
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

 private:
  std::uint64_t state_;
};
} // namespace detail

/// Whether the n-th call (from 1) of that function fails.
using occasion = std::function<bool(std::uint64_t n, std::string_view function)>;

inline occasion always() {
  return [](std::uint64_t, std::string_view) { return true; };
}
inline occasion nth(std::uint64_t which) {
  return [which](std::uint64_t n, std::string_view) { return n == which; };
}
/// Each call with that probability, from 0 to 1; the same seed fails the same calls.
inline occasion chance(double probability, std::uint64_t seed) {
  return [probability, dice = detail::seeded(seed)](std::uint64_t, std::string_view) mutable {
    constexpr double steps = 1U << 30;
    return static_cast<double>(dice.below(1U << 30)) < probability * steps;
  };
}
class faults {
 public:
  faults() : outer_(std::exchange(current(), this)) { detail::fault_of = &decide; }
  faults(const faults&) = delete;
  faults& operator=(const faults&) = delete;
  ~faults() {
    current() = outer_;
    if (outer_ == nullptr) detail::fault_of = nullptr;
  }

  /// `function` is a host call of the C headers, "send", or with its interface, "coppice.actor/1's send".
  void fail(std::string function, occasion when, std::int32_t status) {
    all_.push_back({std::move(function), std::move(when), status, 0});
  }
  /// The calls that failed, in order.
  std::vector<std::string> done;

 private:
  struct rule {
    std::string function;
    occasion when;
    std::int32_t status;
    std::uint64_t calls;
  };
  static faults*& current() {
    static faults* innermost = nullptr;
    return innermost;
  }
  static bool names(std::string_view wanted, std::string_view function) {
    return wanted == function || function.ends_with("'s " + std::string(wanted));
  }
  static std::int32_t decide(std::string_view function) {
    for (faults* each = current(); each != nullptr; each = each->outer_)
      for (rule& one : each->all_) {
        if (!names(one.function, function) || !one.when(++one.calls, function)) continue;
        each->done.emplace_back(function);
        return one.status;
      }
    return COPPICE_OK;
  }

  faults* outer_;
  std::vector<rule> all_;
};

} // namespace coppice::testing
