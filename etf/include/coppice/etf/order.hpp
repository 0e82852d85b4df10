// SPDX-License-Identifier: MIT
// Erlang's order of terms, its two equalities and its portable hash, on encoded bytes (no 131). The terms
// must have passed validate(); for other bytes the results are meaningless, but nothing is read out of
// bounds. No function recurses. Sources: Erlang Reference Manual, "Term Comparisons"; erlang:phash2/1,2. Any
// thread.
#pragma once

#include <cstdint>

#include <coppice/etf/types.hpp>

namespace coppice::etf {

/// Below 0, 0 or above 0 as Erlang's `<`, `==`, `>`: number < atom < reference < fun < port < pid < tuple <
/// map < nil < list < bitstring. 1 and 1.0 are equal, except as keys of maps.
int compare(bytes a, bytes b);

/// `a =:= b`: 1 is not 1.0, -0.0 is not 0.0 (OTP 27).
bool equal_exact(bytes a, bytes b);
/// `a == b`
bool equal_loose(bytes a, bytes b);

/// erlang:phash2(Term): 0 to 2^27 - 1, the same in every node and release, also for local funs.
std::uint32_t phash2(bytes term);
/// erlang:phash2(Term, Range): 0 to range - 1; range 0 means 2^32.
std::uint32_t phash2(bytes term, std::uint32_t range);

} // namespace coppice::etf
