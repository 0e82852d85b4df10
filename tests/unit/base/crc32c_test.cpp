// SPDX-License-Identifier: MIT
// CRC32C: known values (RFC 3720, B.4, and the check value of the catalogue of CRCs), and that the bytes may
// come in pieces.
#include "base/crc32c.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace coppice;

TEST_CASE("the checksum has the answers of RFC 3720") {
  CHECK(base::crc32c({}) == 0);
  CHECK(base::crc32c(base::as_bytes("123456789")) == 0xe3069283U);
  CHECK(base::crc32c(base::as_bytes(std::string(32, '\0'))) == 0x8a9136aaU);
  CHECK(base::crc32c(base::as_bytes(std::string(32, '\xff'))) == 0x62a8ab43U);
}

TEST_CASE("a checksum of pieces is the checksum of the whole") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += static_cast<char>(i * 37);
  const auto bytes = base::as_bytes(text);
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    CHECK(base::crc32c(bytes.subspan(cut), base::crc32c(bytes.first(cut))) == base::crc32c(bytes));
}
