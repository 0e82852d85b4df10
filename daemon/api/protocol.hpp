// SPDX-License-Identifier: MIT
// The protocol of the control socket: one JSON document in each line. The client sends any number of
// requests, and the node sends one reply to each, in order.
//
//   {"command": "call", "arguments": {"name": "kv", "term": "size"}, "from": {"terminal": "pts/3"}}
//   {"result": {"reply": "0"}}
//   {"error": {"code": "timeout", "what": "call kv", "why": "no answer within 5s", "hint": ""}}
//
// Both ends bound a line's length. A line that is no such document is answered with an error, and the
// connection is closed. Plain values; any thread.
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

// Longer timeouts of a request count as this, about eleven days. Node and client use the same bound.
inline constexpr long long longest_timeout_ms = 1'000'000'000;

// What a client says about the user who started it, for the log. It is unproven. Empty: not said.
struct claims {
  std::string sudo_user; // the user who called sudo
  std::string terminal;  // such as pts/3
};

struct request {
  std::string command;
  nlohmann::json arguments = nlohmann::json::object();
  claims from = {};
};

// "not_found": how a reply names the code.
std::string_view text(base::errc code);

// A failure for people: "coppice: WHAT: WHY", then the hint on a separate line.
struct failure {
  base::errc code = base::errc::internal;
  std::string what;
  std::string why;
  std::string hint; // empty: none
};

using reply = expected<nlohmann::json, failure>;

// One line with its line feed. Bytes that are not UTF-8 are replaced by replacement characters.
std::string encode(const request& r);
std::string encode(const reply& r);

// One line, with or without its line feed.
base::result<request> decode_request(std::string_view line);
base::result<reply> decode_reply(std::string_view line);

} // namespace coppice::api
