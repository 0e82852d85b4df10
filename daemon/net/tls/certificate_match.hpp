// SPDX-License-Identifier: MIT
// Whether a certificate that a peer has shown is for a host: what mbedTLS asks of a server's for its clients,
// asked of any. Any thread.
#pragma once

#include <string>

#include "net/tls/peer_certificate.hpp"

namespace coppice::net {

// `host`: a DNS name or an address. Empty: it is for that host; else what it is for, in words. Whether it can
// be trusted is no question here.
std::string mismatch(const peer_certificate& certificate, const std::string& host);

} // namespace coppice::net
