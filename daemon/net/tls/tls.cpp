// SPDX-License-Identifier: MIT
// psa_crypto_init can be repeated but not called on two threads at once; a function-local static serialises
// the first call. Any thread.
#include "net/tls/tls.hpp"

#include <fmt/format.h>
#include <mbedtls/version.h>
#include <psa/crypto.h>

#include <array>

namespace coppice::net::tls {
namespace {

constexpr unsigned oldest_version = 0x03060000;

base::status initialise_once() {
  if (mbedtls_version_get_number() < oldest_version) {
    return base::fail(base::errc::unsupported, library_version() + " is too old: TLS 1.3 needs 3.6");
  }
  if (const psa_status_t code = psa_crypto_init(); code != PSA_SUCCESS) {
    return base::fail(base::errc::system, fmt::format("start the crypto library: error {}", code));
  }
  return {};
}

} // namespace

base::status initialise() {
  static const base::status done = initialise_once();
  return done;
}

std::string library_version() {
  // The library writes at most 18 bytes.
  std::array<char, 32> text{};
  mbedtls_version_get_string_full(text.data());
  return text.data();
}

} // namespace coppice::net::tls
