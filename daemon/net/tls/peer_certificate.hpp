// SPDX-License-Identifier: MIT
// The certificate that the other end of a TLS connection has shown, as a value: its bytes, its subject and
// its fingerprint. It says nothing about trust; whether it was verified depends on the session's tls_context.
// Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

struct mbedtls_x509_crt;

namespace coppice::net {

struct peer_certificate {
  std::vector<std::uint8_t> der;         // the leaf, as received
  std::string subject;                   // "CN=client, O=Example", printable
  std::array<std::uint8_t, 32> sha256{}; // of `der`: the fingerprint
};

peer_certificate describe(const mbedtls_x509_crt& certificate);

} // namespace coppice::net
