// SPDX-License-Identifier: MIT
// Bounds on how much is done at once: entries of a turn, bytes that are kept back, work that is under way. A
// program keeps what its source says. The simulated machine (tests/simulated) makes some of them small before
// it starts a node, so that what happens at a bound happens in many runs; all of them are in one list.
#pragma once

#include <cstdint>
#include <string_view>

namespace coppice::base {

// A bound of any type. Lives as long as the program.
class any_bound {
 public:
  any_bound(const any_bound&) = delete;
  any_bound& operator=(const any_bound&) = delete;

  // "room: what is bounded".
  std::string_view name() const { return name_; }
  std::int64_t usual() const { return usual_; }
  std::int64_t least() const { return least_; } // with less, the bounded work might not go on
  std::int64_t value() const { return value_; }
  // From least() to usual(). Before any other thread reads it. For the simulated machine alone: to all others
  // a bound is a constant.
  void set(std::int64_t value) const { value_ = value; }

  // The list of all bounds, in no particular order. Null: there are no more.
  static const any_bound* first() { return first_; }
  const any_bound* next() const { return next_; }

 protected:
  any_bound(std::string_view name, std::int64_t usual, std::int64_t least)
      : name_(name), usual_(usual), least_(least), value_(usual), next_(first_) {
    first_ = this;
  }
  ~any_bound() = default;

 private:
  inline static constinit const any_bound* first_ = nullptr;

  std::string_view name_;
  std::int64_t usual_;
  std::int64_t least_;
  mutable std::int64_t value_;
  const any_bound* next_;
};

// A variable of a namespace, made before main().
template <class T>
class bound : public any_bound {
 public:
  bound(std::string_view name, T usual, T least = 1)
      : any_bound(name, static_cast<std::int64_t>(usual), static_cast<std::int64_t>(least)) {}
  operator T() const { return static_cast<T>(value()); } // NOLINT: read like the constant that it was
};

} // namespace coppice::base
