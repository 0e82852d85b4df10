// SPDX-License-Identifier: MIT
// "Did you mean": finds the known word that is nearest to a mistyped one, for errors about keys of a
// configuration, commands, and other words that people type. Any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace coppice::base {

// The least number of insertions, deletions, replacements and swaps of neighbours that turn one word into the
// other.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest word of `known` if it is near enough to be a likely typing error; else empty.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

// "did you mean 'restart'?"; empty: there is no such word.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);

} // namespace coppice::base
