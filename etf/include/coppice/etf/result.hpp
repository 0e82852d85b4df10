// SPDX-License-Identifier: MIT
// A value, or the reason why there is none: the result of a function that can fail. Named and used as C++23's
// std::expected, of which it has the parts that are needed; other implementations include <functional>, which
// is a sixth of what a plugin's compiler reads. Moving a value or a reason throws nothing. Any thread.
#pragma once

#include <coppice/etf/needs_cpp20.hpp>

#include <cassert>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coppice {

/// A reason, converted to an expected of any type: `return unexpected(why);`
template <class E>
class unexpected {
 public:
  constexpr explicit unexpected(E error) : error_(std::move(error)) {}
  constexpr E& error() & { return error_; }
  constexpr const E& error() const& { return error_; }
  constexpr E&& error() && { return std::move(error_); }

 private:
  E error_;
};

/// Tag: the reason is constructed in place from the arguments that follow.
struct unexpect_t {};
inline constexpr unexpect_t unexpect{};

/// Thrown by value() if there is no value.
struct no_value : std::exception {
  const char* what() const noexcept override { return "a value was asked for where there is an error"; }
};

template <class T, class E>
class expected {
  template <class Other>
  static constexpr bool is_value =
      !std::is_same_v<std::remove_cvref_t<Other>, expected> && std::is_constructible_v<T, Other>;

 public:
  using value_type = T;
  using error_type = E;

  constexpr expected() requires std::is_default_constructible_v<T> : value_(), has_value_(true) {}
  template <class Other = T>
  requires is_value<Other>
  constexpr explicit(!std::is_convertible_v<Other, T>)
      expected(Other&& value) // NOLINT: implicit as the type's own
      : value_(std::forward<Other>(value)), has_value_(true) {}
  template <class... Args>
  constexpr explicit expected(std::in_place_t, Args&&... args)
      : value_(std::forward<Args>(args)...), has_value_(true) {}
  template <class Reason>
  constexpr expected(unexpected<Reason> reason) : error_(std::move(reason).error()), has_value_(false) {}
  template <class... Args>
  constexpr explicit expected(unexpect_t, Args&&... args)
      : error_{std::forward<Args>(args)...}, has_value_(false) {}

  constexpr expected(const expected& other) requires std::is_copy_constructible_v<T>
      : has_value_(other.has_value_) {
    has_value_ ? (std::construct_at(&value_, other.value_), void())
               : (std::construct_at(&error_, other.error_), void());
  }
  constexpr expected(expected&& other) noexcept : has_value_(other.has_value_) { take(other); }
  constexpr expected& operator=(expected other) noexcept {
    end();
    has_value_ = other.has_value_;
    take(other);
    return *this;
  }
  constexpr ~expected() { end(); }

  constexpr explicit operator bool() const { return has_value_; }
  constexpr bool has_value() const { return has_value_; }

  // Requires a value.
  constexpr T& operator*() & { return assert(has_value_), value_; }
  constexpr const T& operator*() const& { return assert(has_value_), value_; }
  constexpr T&& operator*() && { return assert(has_value_), std::move(value_); }
  constexpr T* operator->() { return assert(has_value_), &value_; }
  constexpr const T* operator->() const { return assert(has_value_), &value_; }
  // Throws no_value if there is no value.
  constexpr T& value() & { return has_value_ ? value_ : throw no_value(); }
  constexpr const T& value() const& { return has_value_ ? value_ : throw no_value(); }
  constexpr T&& value() && { return std::move(value()); }
  template <class Other>
  constexpr T value_or(Other&& other) const& {
    return has_value_ ? value_ : static_cast<T>(std::forward<Other>(other));
  }
  template <class Other>
  constexpr T value_or(Other&& other) && {
    return has_value_ ? std::move(value_) : static_cast<T>(std::forward<Other>(other));
  }

  // Requires a reason.
  constexpr E& error() & { return assert(!has_value_), error_; }
  constexpr const E& error() const& { return assert(!has_value_), error_; }
  constexpr E&& error() && { return assert(!has_value_), std::move(error_); }

 private:
  constexpr void take(expected& other) {
    has_value_ ? (std::construct_at(&value_, std::move(other.value_)), void())
               : (std::construct_at(&error_, std::move(other.error_)), void());
  }
  constexpr void end() { has_value_ ? value_.~T() : error_.~E(); }

  union {
    T value_;
    E error_;
  };
  bool has_value_;
};

/// Success, or the reason of a failure.
template <class E>
class expected<void, E> {
 public:
  using value_type = void;
  using error_type = E;

  constexpr expected() = default;
  template <class Reason>
  constexpr expected(unexpected<Reason> reason) : error_(std::move(reason).error()) {}

  constexpr explicit operator bool() const { return !error_; }
  constexpr bool has_value() const { return !error_; }
  constexpr void operator*() const { assert(!error_); }
  constexpr void value() const {
    if (error_) throw no_value();
  }

  // Requires a reason.
  constexpr E& error() & { return *error_; }
  constexpr const E& error() const& { return *error_; }
  constexpr E&& error() && { return *std::move(error_); }

 private:
  std::optional<E> error_;
};

} // namespace coppice
