// SPDX-License-Identifier: MIT
// Chooses the overload of a class's restore_state by the number of the saved state's version. The number is
// part of the overload's signature, so the bytes of the state have no say: two states of different versions
// may look alike, such as two empty maps.
//
//   void restore_state(coppice::version<1>, const std::map<std::string, double>& saved);
//   void restore_state(coppice::version<2>, const std::map<std::string, std::int64_t>& saved);
//
// All at compile time. Header-only.
#pragma once

#include <coppice/detail/descriptor.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

namespace coppice {

/// The first parameter of the restore_state that reads states of version N, as the constant state_version of
/// the class that saved them had it.
template <std::uint32_t N>
struct version {
  static constexpr std::uint32_t number = N;
};

} // namespace coppice

namespace coppice::detail {

template <class>
inline constexpr bool is_version = false;
template <std::uint32_t N>
inline constexpr bool is_version<version<N>> = true;

/// Deduces the state that the overload for version N takes. Never called.
template <std::uint32_t N, class Class, class Result, class State>
std::type_identity<std::remove_cvref_t<State>> state_taken(Result (Class::*)(version<N>, State));

/// Whether T has a public restore_state(version<N>, S).
template <class T, std::uint32_t N>
concept restores_version = requires {
  state_taken<N>(&T::restore_state);
};
template <class T, std::uint32_t N>
using state_of_version = typename decltype(state_taken<N>(&T::restore_state))::type;

/// Overloads are found for the versions from 63 before a class's own one to 8 after it. A later version is
/// read by an older file that is to take over again.
template <class T>
inline constexpr std::uint32_t first_version = state_version<T>() < 63 ? 0 : state_version<T>() - 63;
template <class T>
inline constexpr std::uint32_t version_count = state_version<T>() - first_version<T> + 9;

/// Calls each.operator()<N>() for the versions that T has overloads for, in ascending order, until one
/// returns true. False: none did.
template <class T, class Each>
constexpr bool any_version(const Each& each) {
  constexpr auto one = []<std::uint32_t N>([[maybe_unused]] const Each& of,
                                           std::integral_constant<std::uint32_t, N>) {
    if constexpr (restores_version<T, N>) return of.template operator()<N>();
    return false;
  };
  return [&]<std::uint32_t... I>(std::integer_sequence<std::uint32_t, I...>) {
    return (one(each, std::integral_constant<std::uint32_t, first_version<T> + I>{}) || ...);
  }
  (std::make_integer_sequence<std::uint32_t, version_count<T>>{});
}

/// Whether T chooses by the version's number.
template <class T>
inline constexpr bool restores_by_version = any_version<T>([]<std::uint32_t>() { return true; });

} // namespace coppice::detail
