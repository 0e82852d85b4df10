// SPDX-License-Identifier: MIT
// CRC-32C (Castagnoli), the checksum of the PROXY protocol and of the durable log. It finds damage; it proves
// nothing against somebody who wants to deceive. Any thread.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace coppice::base {

// Of all bytes so far: `before` is what the call for the bytes in front of these gave, 0 where there are
// none.
std::uint32_t crc32c(bytes_span bytes, std::uint32_t before = 0);

} // namespace coppice::base
