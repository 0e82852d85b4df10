// rooms: api-cpp
// SPDX-License-Identifier: MIT
// Sieves under test: a cast to the actor comes to sift() first, and to handle_cast if it was kept.
//
//   actor numbers(plugin::linked());
//   numbers.cast(2);
//   CHECK(sieve_in_test(numbers).kept() == 1);
//
// Include it beside coppice/testing.hpp. In the test's thread.
#pragma once

#include <coppice/testing.hpp>
#include <coppice/testing/calls.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

#include "own_behaviour/sieve.h"

namespace coppice::testing {

namespace detail {

/// The engine of an actor that is a sieve.
class sieve_engine final : public engine {
 public:
  static constexpr std::string_view interface_name = COPPICE_SIEVE_HOST_DRAFT_1;
  explicit sieve_engine(world& of) { carried_to(&of); }

  // COPPICE_E_CONTEXT: no sift is running.
  std::int32_t keep();
  std::uint64_t seen = 0;
  std::uint64_t kept = 0;

  std::optional<call> next(world&) override { return std::nullopt; }
  std::optional<call> takes(const letter& what) override;
  nanoseconds due() const override { return nanoseconds::max(); }
  void carried_to(world* next) override;
  bool is_of(const world& w) const override { return world_ == &w; }
  void ended(bool) override {}

 private:
  world* world_ = nullptr;
  coppice_sieve on_{};
  bool sifts_ = false;
  bool keeps_ = false;
  bool passes_ = false; // the next letter was kept
};

const coppice_sieve_api* sieve_interface();
inline const bool sieve_interface_is_known =
    more_interfaces().emplace(COPPICE_SIEVE_HOST_DRAFT_1, sieve_interface()).second;
inline const bool sieve_engine_is_known =
    engines_of_behaviours().emplace("sieve", &begin_with<sieve_engine>).second;

} // namespace detail

/// The counts of a sieve.
class sieve_in_test {
 public:
  explicit sieve_in_test(actor& of) : of_(of) {}
  /// Casts that sift() has got.
  std::uint64_t seen() { return engine().seen; }
  /// Casts that sift() has kept.
  std::uint64_t kept() { return engine().kept; }

 private:
  detail::sieve_engine& engine() { return detail::engine_of<detail::sieve_engine>(of_.process()); }
  actor& of_;
};

} // namespace coppice::testing
