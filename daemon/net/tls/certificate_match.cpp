// SPDX-License-Identifier: MIT
// mbedTLS compares names only while it verifies a chain. So the certificate is given as its own authority,
// and only the result for the name counts. Any thread.
#include "net/tls/certificate_match.hpp"

#include <mbedtls/x509_crt.h>

#include "net/tls/mbedtls_context.hpp"
#include "net/tls/tls_words.hpp"

namespace coppice::net {

std::string mismatch(const peer_certificate& certificate, const std::string& host) {
  owned<mbedtls_x509_crt, mbedtls_x509_crt_init, mbedtls_x509_crt_free> leaf;
  if (mbedtls_x509_crt_parse_der(leaf.get(), certificate.der.data(), certificate.der.size()) != 0)
    return "it cannot be read";
  std::uint32_t flags = 0;
  mbedtls_x509_crt_verify(leaf.get(), leaf.get(), nullptr, host.c_str(), &flags, nullptr, nullptr);
  if ((flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) == 0) return {};
  return refusal_words(*leaf.get(), MBEDTLS_X509_BADCERT_CN_MISMATCH, host);
}

} // namespace coppice::net
