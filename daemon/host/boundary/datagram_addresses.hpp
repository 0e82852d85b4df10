// SPDX-License-Identifier: MIT
// Converts addresses of datagrams between plugins and the daemon. Any thread.
#pragma once

#include <coppice/draft/udp.h>

#include <optional>

#include "base/socket_address.hpp"

namespace coppice::host {

coppice_udp_address plain(const base::socket_address& address);
// Empty: its family is neither 4 nor 6.
std::optional<base::socket_address> address_of(const coppice_udp_address& plain);

} // namespace coppice::host
