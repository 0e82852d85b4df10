// rooms: api-cpp
// SPDX-License-Identifier: MIT
// A plugin with one actor: a sieve that keeps even numbers, and answers calls with their sum.
#include <cstdint>

#include "own_behaviour/sieve.hpp"

namespace {

class evens : public coppice::sieve {
 public:
  static constexpr std::string_view name = "evens";

  void sift(coppice::term what) {
    coppice::etf::cursor at(what.encoded);
    std::uint64_t number = 0;
    if (at.read_unsigned(number) && number % 2 == 0) keep();
  }
  void handle_cast(const std::uint64_t& number) { sum_ += number; }
  std::uint64_t handle_call(coppice::etf::constant<"sum">) { return sum_; }

 private:
  std::uint64_t sum_ = 0;
};

} // namespace

COPPICE_PLUGIN("sieve", "1.0.0", evens);
