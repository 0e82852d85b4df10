// SPDX-License-Identifier: MIT
// A request as the process that answers it gets it, and what it may answer:
//   {http, #{method, path, params, query, headers, body, peer, version}}
//   {Status, Headers, Body} | {Status, Body}
// Texts are binaries, params a map, query and headers lists of pairs in order with names of headers in lower
// case, Body and the headers' parts iodata. {error, overloaded}, a full pool's answer, is 503. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/path_pattern.hpp"
#include "net/http_message.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

// `path`: decoded.
runtime::message write_request(const net::http_request& asked, std::string_view path,
                               const base::path_parameters& parameters, const base::path_parameters& query,
                               std::string_view peer);

// errc::limit: it is that of a full pool. errc::invalid: it is none that could be sent; the text says why.
base::result<net::http_response> read_answer(etf::bytes term);

} // namespace coppice::behaviours
