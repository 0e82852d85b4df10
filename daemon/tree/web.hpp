// SPDX-License-Identifier: MIT
// The choices of a web server. Plain values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tree/words.hpp"

namespace coppice::tree {

// What a request of a route becomes: none, it stays a request; a stream of server-sent events; a WebSocket.
enum class web_upgrade : std::uint8_t { none, sse, websocket };
template <>
inline constexpr std::array<std::string_view, 3> words<web_upgrade>{"none", "sse", "websocket"};

// The header in which trusted proxies name the client. The other header may be the client's own, which
// proxies pass on.
enum class web_proxy_header : std::uint8_t { x_forwarded_for, forwarded };
template <>
inline constexpr std::array<std::string_view, 2> words<web_proxy_header>{"x_forwarded_for", "forwarded"};

// The form of a line of the access log.
enum class access_log_format : std::uint8_t { off, common, combined, json };
template <>
inline constexpr std::array<std::string_view, 4> words<access_log_format>{"off", "common", "combined",
                                                                          "json"};

} // namespace coppice::tree
