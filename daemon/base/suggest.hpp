// SPDX-License-Identifier: MIT
// "Did you mean": the known word nearest to a mistyped one. Any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace coppice::base {

// Insertions, deletions, replacements and swaps of neighbours that make one word of the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest of `known`, if it is near enough to be a likely slip; else empty.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

// "did you mean 'restart'?", or empty.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);

} // namespace coppice::base
