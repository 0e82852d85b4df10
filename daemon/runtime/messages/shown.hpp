// SPDX-License-Identifier: MIT
// Terms as text for people, in a line of the log or a row of a table: as Erlang prints them, and only the
// beginning of a long one. Confidential parts of web requests are left out: bodies, and headers that carry
// credentials. Any thread.
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
