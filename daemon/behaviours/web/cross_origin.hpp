// SPDX-License-Identifier: MIT
// Which pages of other origins may use a site: the CORS protocol of the Fetch standard. Answers preflights
// (the browser's OPTIONS requests before a request of such a page), and gives the headers for answers that
// such a page may read. Immutable once configured; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/http/http_message.hpp"

namespace coppice::behaviours {

struct cross_origin {
  std::vector<std::string> origins{}; // such as https://example.org; "*": all; empty: none
  std::vector<std::string> methods{}; // methods that a preflight allows
  std::vector<std::string> headers{}; // headers that a preflight allows
  std::vector<std::string> exposed{}; // headers of answers that such a page may read
  bool credentials = false;           // such a page may send cookies; not with "*"
  std::uint32_t max_age = 0;          // seconds that a preflight holds in a browser; 0: its default

  // Whether the answer differs by the request's origin.
  bool varies() const { return !origins.empty() && origins.front() != "*"; }
  // The value of Access-Control-Allow-Origin. Nothing: the request comes from no other origin, or from an
  // origin that is not allowed.
  std::optional<std::string> allowed(const net::http_request& asked) const;
  // Whether the request comes from a page of another origin that is not allowed. The origin's scheme is
  // ignored, because TLS may end at a proxy.
  bool refuses(const net::http_request& asked) const;
  // Whether the request is a preflight.
  static bool asks_leave(const net::http_request& asked);

  // Adds the headers of an answer whose origin allowed() returned; add_leave() adds those of an answer to a
  // preflight.
  void add_headers(net::http_response& answer, const std::string& origin) const;
  void add_leave(net::http_response& answer) const;
};

} // namespace coppice::behaviours
