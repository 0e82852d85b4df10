// SPDX-License-Identifier: MIT
// Pages of other origins that may use a site (the Fetch standard's CORS protocol). Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/http/http_message.hpp"

namespace coppice::behaviours {

struct cross_origin {
  std::vector<std::string> origins{}; // as https://example.org; "*": all; empty: none
  std::vector<std::string> methods{}; // of requests that need leave first
  std::vector<std::string> headers{}; // likewise
  std::vector<std::string> exposed{}; // headers of answers that such a page may read
  bool credentials = false;           // it may send cookies; not with "*"
  std::uint32_t max_age = 0;          // seconds for which a browser may keep the leave; 0: its default

  // It depends on the request who may read an answer.
  bool varies() const { return !origins.empty() && origins.front() != "*"; }
  // What Access-Control-Allow-Origin says to it; nothing: it is of no other origin, or of one that may not.
  std::optional<std::string> allowed(const net::http_request& asked) const;
  // It is of a page of another origin, which may not use the site. Which scheme the origin has is not asked:
  // TLS may end at a proxy.
  bool refuses(const net::http_request& asked) const;
  // A browser asks for leave.
  static bool asks_leave(const net::http_request& asked);

  // Adds what an answer to one that `allowed` says this of needs; and if it is the leave, what that needs.
  void add_headers(net::http_response& answer, const std::string& origin) const;
  void add_leave(net::http_response& answer) const;
};

} // namespace coppice::behaviours
