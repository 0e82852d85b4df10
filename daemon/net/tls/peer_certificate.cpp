// SPDX-License-Identifier: MIT
// Takes the fields from mbedTLS's parsed certificate. Any thread.
#include "net/tls/peer_certificate.hpp"

#include <mbedtls/sha256.h>
#include <mbedtls/x509_crt.h>

#include "base/printable.hpp"

namespace coppice::net {
namespace {

constexpr std::size_t longest_subject = 4096;

} // namespace

peer_certificate describe(const mbedtls_x509_crt& certificate) {
  peer_certificate out;
  out.der.assign(certificate.raw.p, certificate.raw.p + certificate.raw.len);
  std::array<char, longest_subject> text{};
  const int length = mbedtls_x509_dn_gets(text.data(), text.size(), &certificate.subject);
  out.subject = length < 0 ? "a name that cannot be read" : base::printable(text.data());
  mbedtls_sha256(out.der.data(), out.der.size(), out.sha256.data(), 0);
  return out;
}

} // namespace coppice::net
