// SPDX-License-Identifier: MIT
// CRC-32C (Castagnoli), the checksum of the PROXY protocol and of the durable log. It detects damage, but
// does not protect against forgery. Any thread.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace coppice::base {

// The checksum of all bytes so far. `before`: the result for the bytes in front of these; 0: there are none.
std::uint32_t crc32c(bytes_span bytes, std::uint32_t before = 0);

} // namespace coppice::base
