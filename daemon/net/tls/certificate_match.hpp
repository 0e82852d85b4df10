// SPDX-License-Identifier: MIT
// Checks whether the certificate of a peer is for a host, by the rules by which mbedTLS checks a server's
// certificate. Used for peers that connect to us, whose certificates mbedTLS does not compare with any name.
// Any thread.
#pragma once

#include <string>

#include "net/tls/peer_certificate.hpp"

namespace coppice::net {

// `host`: a DNS name or an address. Empty: the certificate is for that host. Otherwise: the names it is for,
// in words. Trust is not checked.
std::string mismatch(const peer_certificate& certificate, const std::string& host);

} // namespace coppice::net
