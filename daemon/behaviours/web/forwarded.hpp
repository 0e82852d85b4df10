// SPDX-License-Identifier: MIT
// The client of a request that a proxy has passed on, by the header in which the proxy names it. Only the
// addresses of known proxies are believed, because any client can send such a header. The result counts for
// logs, bounds and the request's map. Pure; any thread.
#pragma once

#include <optional>
#include <string>

#include "base/address_range.hpp"
#include "net/http/http_message.hpp"
#include "tree/web.hpp"

namespace coppice::behaviours {

// The client's address by that header (Forwarded: RFC 7239), if `peer` is one of the `proxies`: the last
// address in all headers of that name that is not a proxy's, because any client can have written the
// addresses before it. Nothing: the peer itself is the client.
std::optional<std::string> forwarded_client(const net::http_request& asked, const base::socket_address& peer,
                                            const base::access_list& proxies, tree::web_proxy_header by);

} // namespace coppice::behaviours
