// SPDX-License-Identifier: MIT
// The error of a bind or listen on a TCP or UDP address, in words for people. If the process lacks the right
// to a port below 1024, the text says how a socket unit of systemd can open the socket for it. Any thread.
#pragma once

#include <string_view>

#include "base/error.hpp"
#include "base/socket_address.hpp"

namespace coppice::net {

// `doing`: the action that failed ("listen on"). `number`: its errno. `directive`: the name of such a socket
// in a socket unit ("ListenStream").
unexpected<base::error> fail_to_bind(std::string_view doing, const base::socket_address& address, int number,
                                     std::string_view directive);

} // namespace coppice::net
