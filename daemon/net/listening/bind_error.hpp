// SPDX-License-Identifier: MIT
// Why a socket could not have its address, for people: who lacks the right to a port below 1024 is told what
// systemd can do about it. Any thread.
#pragma once

#include <string_view>

#include "base/error.hpp"
#include "base/socket_address.hpp"

namespace coppice::net {

// `doing` is what was tried ("listen on"), `number` its errno, `directive` what a socket unit says of such a
// socket
// ("ListenStream").
unexpected<base::error> fail_to_bind(std::string_view doing, const base::socket_address& address, int number,
                                     std::string_view directive);

} // namespace coppice::net
