// SPDX-License-Identifier: MIT
// The proof that a node knows the cookie: MD5 of the cookie and the other side's challenge in decimal. The
// cookie itself is never sent and never appears in an error. Compare proofs with base::equal_secret. Any
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace coppice::dist {

using digest = std::array<std::uint8_t, 16>;

digest cookie_digest(std::string_view cookie, std::uint32_t challenge);

} // namespace coppice::dist
