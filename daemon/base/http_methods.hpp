// SPDX-License-Identifier: MIT
// The methods of HTTP that a server here answers with anything but 501: those that its parsers know
// (net/http/http_engine.hpp; a test holds the two against each other), without CONNECT, which is for proxies.
// Written as here, in upper case.
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
