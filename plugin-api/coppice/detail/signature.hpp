// SPDX-License-Identifier: MIT
// The parameters of a callback, at compile time: how many it has, and their types. A callback that is
// overloaded or a template has none that could be named. Header-only.
#pragma once

#include <coppice/etf/needs_cpp20.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>

namespace coppice::detail {

/// How a callback that is not overloaded is declared. `count` is the number of parameters; -1: not a member
/// function.
template <class Function>
struct signature {
  static constexpr int count = -1;
};
template <class Class, class Result, class... Of>
struct signature<Result (Class::*)(Of...)> {
  static constexpr int count = sizeof...(Of);
  template <std::size_t I>
  using plain = std::remove_cvref_t<std::tuple_element_t<I, std::tuple<Of...>>>;
};
template <class Class, class Result, class... Of>
struct signature<Result (Class::*)(Of...) const> : signature<Result (Class::*)(Of...)> {};
template <class Class, class Result, class... Of>
struct signature<Result (Class::*)(Of...) noexcept> : signature<Result (Class::*)(Of...)> {};
template <class Class, class Result, class... Of>
struct signature<Result (Class::*)(Of...) const noexcept> : signature<Result (Class::*)(Of...)> {};

/// The type of parameter I of a callback, without const and reference.
template <auto Callback, std::size_t I = 0>
using parameter_of = typename signature<decltype(Callback)>::template plain<I>;

} // namespace coppice::detail
