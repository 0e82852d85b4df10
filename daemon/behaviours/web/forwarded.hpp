// SPDX-License-Identifier: MIT
// Whose request it is that a proxy has passed on. Any thread.
#pragma once

#include <optional>
#include <string>

#include "base/address_range.hpp"
#include "net/http/http_message.hpp"
#include "tree/web.hpp"

namespace coppice::behaviours {

// The client's address by that header (Forwarded: RFC 7239), where `peer` is one of the `proxies`: the last
// one in all these headers that is no proxy's, since what stands before it may be anyone's word. Nothing: the
// peer itself is the client.
std::optional<std::string> forwarded_client(const net::http_request& asked, const base::socket_address& peer,
                                            const base::access_list& proxies, tree::web_proxy_header by);

} // namespace coppice::behaviours
