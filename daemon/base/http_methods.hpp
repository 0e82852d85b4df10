// SPDX-License-Identifier: MIT
// The HTTP methods that a server of the daemon accepts; it answers 501 to any other. These are all methods
// that its parsers know (net/http/http_engine.hpp; a test compares the two), without CONNECT, which is for
// proxies. In upper case.
#pragma once

#include <array>
#include <string_view>

namespace coppice::base {

inline constexpr std::array<std::string_view, 33> http_methods = {
    "ACL",   "BIND",   "CHECKOUT", "COPY",   "DELETE",     "GET",        "HEAD",
    "LINK",  "LOCK",   "M-SEARCH", "MERGE",  "MKACTIVITY", "MKCALENDAR", "MKCOL",
    "MOVE",  "NOTIFY", "OPTIONS",  "PATCH",  "POST",       "PROPFIND",   "PROPPATCH",
    "PURGE", "PUT",    "REBIND",   "REPORT", "SEARCH",     "SOURCE",     "SUBSCRIBE",
    "TRACE", "UNBIND", "UNLINK",   "UNLOCK", "UNSUBSCRIBE"};

} // namespace coppice::base
