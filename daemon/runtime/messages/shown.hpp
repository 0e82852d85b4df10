// SPDX-License-Identifier: MIT
// Terms for people, in a line of the log or a row of a table: as Erlang writes them, and of a long one, which
// anybody may have sent, only the beginning. Any thread.
#pragma once

#include <coppice/etf/text.hpp>
#include <cstddef>
#include <string>

#include "runtime/messages/message.hpp"

namespace coppice::runtime {

inline constexpr std::size_t most_shown = 2000; // characters

inline std::string shown(etf::bytes term, std::size_t most = most_shown) {
  return etf::print(term, {.most = most});
}
inline std::string shown(const message& term, std::size_t most = most_shown) {
  return shown(term.bytes(), most);
}

} // namespace coppice::runtime
