// SPDX-License-Identifier: MIT
// Hands a job its fencing token: the term in which this node leads the job's Raft group. Pure functions; any
// thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstdint>
#include <string_view>
#include <vector>

namespace coppice::services {

// The atom that stands for the token in a job's message and arguments.
inline constexpr std::string_view token_word = "$term";

// `term`, with the token in place of each atom $term, however deep. `term` is one whole term.
std::vector<std::uint8_t> with_token(etf::bytes term, std::uint64_t token);
// `map`, with the atom $term as the value of its key of that name, an atom. `map` is one whole term; another
// one than a map with this key is returned as it is.
std::vector<std::uint8_t> with_token_word_at(etf::bytes map, std::string_view key);

} // namespace coppice::services
