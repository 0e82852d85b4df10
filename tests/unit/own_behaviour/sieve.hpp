// rooms: api-cpp
// SPDX-License-Identifier: MIT
// A sieve in C++ (DRAFT): derive from coppice::sieve, and call keep() in sift() for each cast that
// handle_cast is to get. Header-only.
//
//   void sift(term what)      needed
#pragma once

#include <coppice/detail/descriptor.hpp>
#include <coppice/server.hpp>

#include <cstdint>
#include <stdexcept>
#include <type_traits>

#include "own_behaviour/sieve.h"

namespace coppice {

namespace detail {
inline constinit draft<coppice_sieve_api> sieve_host{COPPICE_SIEVE_HOST_DRAFT_1};
} // namespace detail

/// The base class of sieves.
class sieve : public actor {
 protected:
  /// Passes the cast on to handle_cast.
  void keep() {
    const std::int32_t status = detail::sieve_host.need().keep(handle());
    if (status == COPPICE_E_EXITING) throw exiting{};
    if (status != COPPICE_OK) throw std::logic_error("a cast is kept in sift() alone");
  }
};

namespace detail {

template <class T>
constexpr bool is_sieve_class() {
  if constexpr (!is_actor_class<T>()) {
    return false;
  } else if constexpr (!has_lifecycle_names<T>() || !has_server_names<T>()) {
    return false;
  } else {
    constexpr bool sifts = requires(T & actor, const term& what) {
      actor.sift(what);
    };
    static_assert(sifts, "a sieve needs a public void sift(coppice::term what)");
    return sifts && has_lifecycle<T>() && has_calls<T>() && has_casts<T>() && has_infos<T>();
  }
}

template <class T>
struct sieve_table {
  static std::int32_t sift(coppice_actor* self, void* state, const coppice_message* what) noexcept {
    return run<T>(self, state, [&](T& actor) {
      actor.sift(term{{what->data, static_cast<std::size_t>(what->size)}});
      return COPPICE_OK;
    });
  }
  static constexpr coppice_sieve callbacks = {sizeof(coppice_sieve), 0, &sift};
};

template <class T>
requires std::is_base_of_v<sieve, T>
struct behaviour_of<T> {
  static constexpr const char* name = "sieve";
  static constexpr coppice_table tables[] = {
      {COPPICE_LIFECYCLE_1, table_of<T, is_sieve_class<T>(), lifecycle_table>()},
      {COPPICE_SIEVE_DRAFT_1, table_of<T, is_sieve_class<T>(), sieve_table>()},
      {COPPICE_SERVER_1, table_of<T, is_sieve_class<T>(), server_table>()},
      {nullptr, nullptr}};
};

} // namespace detail
} // namespace coppice
