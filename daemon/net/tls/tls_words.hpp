// SPDX-License-Identifier: MIT
// Describes refused TLS handshakes in words a person can act on: what is wrong with a certificate, and what
// an alert means. Text that a peer chose is escaped and shortened, so that it is safe in a log. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

struct mbedtls_x509_crt;

namespace coppice::net {

// "unknown_ca (48): it does not know …": the alert's name and number (RFC 8446 6), and what it means when the
// peer sends it to us.
std::string alert_words(std::uint8_t number);

// The meaning of mbedTLS's MBEDTLS_X509_BADCERT_ flags for this certificate of a peer. `host`: the name it
// should be for; empty: any. Empty without flags.
std::string refusal_words(const mbedtls_x509_crt& certificate, std::uint32_t flags, std::string_view host);

} // namespace coppice::net
