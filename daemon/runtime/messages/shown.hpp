// SPDX-License-Identifier: MIT
// Terms for people, in a line of the log or a row of a table: as Erlang writes them, and of a long one, which
// anybody may have sent, only the beginning. What web requests hold in confidence is left out: bodies, and
// headers by which a client shows who it is. Any thread.
#pragma once

#include <array>
#include <coppice/etf/text.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/messages/message.hpp"

namespace coppice::runtime {

inline constexpr std::size_t most_shown = 2000; // characters

namespace in_confidence {
inline constexpr std::array<std::string_view, 1> keys{"body"};
inline constexpr std::array<std::string_view, 4> headers{"authorization", "cookie", "proxy-authorization",
                                                         "set-cookie"};
inline constexpr std::array<std::string_view, 1> messages{"http_body"};
inline constexpr etf::hidden_parts parts{.keys = keys, .pairs = headers, .tuples = messages};
} // namespace in_confidence

inline std::string shown(etf::bytes term, std::size_t most = most_shown) {
  return etf::print(term, {.most = most, .hides = &in_confidence::parts});
}
inline std::string shown(const message& term, std::size_t most = most_shown) {
  return shown(term.bytes(), most);
}

} // namespace coppice::runtime
