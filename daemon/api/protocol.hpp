// SPDX-License-Identifier: MIT
// What travels over the control socket: one JSON document a line, a request from the client and one
// reply from the node, in order, as many as the client likes.
//
//   {"command": "call", "arguments": {"name": "kv", "term": "size"}, "from": {"terminal": "pts/3"}}
//   {"result": {"reply": "0"}}
//   {"error": {"code": "timeout", "what": "call kv", "why": "no answer within 5s", "hint": ""}}
//
// Both ends bound a line's length; a line that is no such document is answered with an error and the
// connection closed. Any thread: plain values.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace coppice::api {

inline constexpr std::size_t max_request_bytes = std::size_t{16} << 20;
inline constexpr std::size_t max_reply_bytes = std::size_t{256} << 20;

// Longer timeouts of a request count as this, about eleven days: the node and the client agree on it.
inline constexpr long long longest_timeout_ms = 1'000'000'000;

// What a client says of who has started it, for the log; nobody has proved it. Empty: nothing to say.
struct claims {
  std::string sudo_user; // who called sudo
  std::string terminal;  // pts/3
};

struct request {
  std::string command;
  nlohmann::json arguments = nlohmann::json::object();
  claims from = {};
};

// A failure as a person reads it: "coppice: WHAT: WHY", then the hint on a line of its own.
struct failure {
  base::errc code = base::errc::internal;
  std::string what;
  std::string why;
  std::string hint; // empty: none
};

using reply = expected<nlohmann::json, failure>;

// One line with its line feed. Text that is not UTF-8 is written with replacement characters.
std::string encode(const request& r);
std::string encode(const reply& r);

// One line, with or without its line feed.
base::result<request> decode_request(std::string_view line);
base::result<reply> decode_reply(std::string_view line);

} // namespace coppice::api
