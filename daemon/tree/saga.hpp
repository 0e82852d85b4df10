// SPDX-License-Identifier: MIT
// The choices of a saga. Plain values; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tree/words.hpp"

namespace coppice::tree {

// What happens to the steps of a transaction: each takes effect at once and is undone if the transaction
// fails; or all are prepared first and then take effect together.
enum class saga_commit : std::uint8_t { compensate, two_phase };
template <>
inline constexpr std::array<std::string_view, 2> words<saga_commit>{"compensate", "two_phase"};

// Where transactions and answers are kept: on the disk, or only as long as the process lives.
enum class saga_log : std::uint8_t { durable, in_memory };
template <>
inline constexpr std::array<std::string_view, 2> words<saga_log>{"durable", "volatile"};

// The longest name of a saga with workers, in bytes: the name of the process that keeps them is made of it.
inline constexpr std::size_t longest_name_with_workers = 230;

} // namespace coppice::tree
