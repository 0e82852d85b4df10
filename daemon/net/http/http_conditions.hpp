// SPDX-License-Identifier: MIT
// Evaluates a request's preconditions and ranges (RFC 9110, 13 and 14) against a representation: whether to
// send it, a part of it, or only that nothing has changed. Also reads Accept-Encoding. Pure: the time is an
// argument. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "net/http/http_message.hpp"

namespace coppice::net {

// The resource as it is now.
struct http_representation {
  std::string tag;           // a strong entity tag, with its quotes
  std::int64_t modified = 0; // seconds since 1970
  std::uint64_t size = 0;    // bytes
};

// How to answer a GET or HEAD for the representation.
struct http_verdict {
  int status = 200; // 200, 206 (a part), 304, 412 or 416
  // For 200 and 206: the bytes to send.
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// A request for several ranges gets the whole (200), as RFC 9110 permits. `now`: seconds since 1970.
http_verdict judge(const http_request& asked, const http_representation& is, std::int64_t now);

// Whether Accept-Encoding allows this coding (in lower case). False without that header.
bool http_accepts_coding(const http_request& asked, std::string_view coding);

} // namespace coppice::net
