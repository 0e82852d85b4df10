// SPDX-License-Identifier: MIT
// Addresses of datagrams as plugins have them, and as the daemon does. Any thread.
#pragma once

#include <coppice/udp.h>

#include <optional>

#include "base/socket_address.hpp"

namespace coppice::host {

coppice_datagram_address plain(const base::socket_address& address);
// None: its family is neither 4 nor 6.
std::optional<base::socket_address> address_of(const coppice_datagram_address& plain);

} // namespace coppice::host
