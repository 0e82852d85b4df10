// SPDX-License-Identifier: MIT
// Conversions between mbedTLS's conventions and ours. Any thread.
#include "net/tls/mbedtls_context.hpp"

#include <fmt/format.h>
#include <mbedtls/error.h>

#include <array>

#include "base/random.hpp"

namespace coppice::net {

int kernel_random(void*, unsigned char* out, std::size_t size) {
  base::random_bytes({out, size});
  return 0;
}

std::string mbedtls_words(int code) {
  std::array<char, 128> words{};
  mbedtls_strerror(code, words.data(), words.size());
  return words.data();
}

base::status check_mbedtls(int code, std::string_view what) {
  if (code == 0) return {};
  return base::fail(base::errc::invalid, fmt::format("{}: {}", what, mbedtls_words(code)));
}

} // namespace coppice::net
