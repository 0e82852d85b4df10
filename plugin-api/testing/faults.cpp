// SPDX-License-Identifier: MIT
// Which host calls fail, as the test has said. In the test's thread.
#include <coppice/testing/faults.hpp>

#include <utility>

namespace coppice::testing {

namespace detail {

std::uint64_t seeded::next() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

} // namespace detail
occasion always() {
  return [](std::uint64_t, std::string_view) { return true; };
}

occasion nth(std::uint64_t which) {
  return [which](std::uint64_t n, std::string_view) { return n == which; };
}

occasion chance(double probability, std::uint64_t seed) {
  return [probability, dice = detail::seeded(seed)](std::uint64_t, std::string_view) mutable {
    constexpr double steps = 1U << 30;
    return static_cast<double>(dice.below(1U << 30)) < probability * steps;
  };
}

faults::~faults() {
  current() = outer_;
  if (outer_ == nullptr) detail::fault_of = nullptr;
}

void faults::fail(std::string function, occasion when, std::int32_t status) {
  all_.push_back({std::move(function), std::move(when), status, 0});
}

faults*& faults::current() {
  static faults* innermost = nullptr;
  return innermost;
}

bool faults::names(std::string_view wanted, std::string_view function) {
  return wanted == function || function.ends_with("'s " + std::string(wanted));
}

std::int32_t faults::decide(std::string_view function) {
  for (faults* each = current(); each != nullptr; each = each->outer_)
    for (rule& one : each->all_) {
      if (!names(one.function, function) || !one.when(++one.calls, function)) continue;
      each->done.emplace_back(function);
      return one.status;
    }
  return COPPICE_OK;
}

} // namespace coppice::testing
