// SPDX-License-Identifier: MIT
// MD5 comes from mbedTLS. Any thread.
#include "dist/cookie.hpp"

#include <mbedtls/md.h>

#include <charconv>
#include <string>

#include "base/random.hpp"

namespace coppice::dist {

digest cookie_digest(std::string_view cookie, std::uint32_t challenge) {
  char digits[10];
  const auto end = std::to_chars(digits, digits + sizeof digits, challenge).ptr;
  std::string text;
  text.reserve(cookie.size() + sizeof digits);
  text.append(cookie).append(digits, end);
  digest out{};
  mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_MD5), reinterpret_cast<const unsigned char*>(text.data()),
             text.size(), out.data());
  base::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return out;
}

} // namespace coppice::dist
