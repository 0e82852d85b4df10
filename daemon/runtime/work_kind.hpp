// SPDX-License-Identifier: MIT
// What a process does in a turn, as far as processor time is told apart.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace coppice::runtime {

enum class work_kind : std::uint8_t {
  init,
  call,  // a gen_server's call
  cast,  // a gen_server's cast
  info,  // any other message
  other, // signals, results of requests, and what a handler does after it has waited
};
inline constexpr std::size_t work_kinds = 5;

constexpr std::string_view to_string(work_kind of) {
  constexpr std::array<std::string_view, work_kinds> words{"init", "call", "cast", "info", "other"};
  return words[static_cast<std::size_t>(of)];
}

} // namespace coppice::runtime
