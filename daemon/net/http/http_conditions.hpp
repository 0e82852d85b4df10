// SPDX-License-Identifier: MIT
// What a client says of the copy it has, and of the part it wants (RFC 9110, 13 and 14), held against what
// there is. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "net/http/http_message.hpp"

namespace coppice::net {

// What there is.
struct http_representation {
  std::string tag;           // a strong entity tag, with its quotes
  std::int64_t modified = 0; // seconds since 1970
  std::uint64_t size = 0;    // bytes
};

// What becomes of a GET or HEAD for it.
struct http_verdict {
  int status = 200; // 200, 206 a part, 304, 412, 416
  // Of 200 and 206: the bytes to be sent.
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// Of several ranges none is taken: the answer is the whole, as RFC 9110 lets it be. `now`: seconds since
// 1970.
http_verdict judge(const http_request& asked, const http_representation& is, std::int64_t now);

// The client takes an answer in this coding (in lower case), as Accept-Encoding says; without that: no.
bool http_accepts_coding(const http_request& asked, std::string_view coding);

} // namespace coppice::net
