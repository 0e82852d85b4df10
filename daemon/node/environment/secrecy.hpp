// SPDX-License-Identifier: MIT
// What a configuration gives away to whoever answers in another node's place, or listens: said once when a
// node starts, with the remedy. In a handshake each side proves that it knows the cookie by a digest, from
// which a short one can be guessed without asking anybody. Any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// Bytes: with fewer a cookie is short.
inline constexpr std::size_t long_cookie = 16;

// Whether connections made so may come up with this cookie. errc::refused: they are encrypted without
// verifying who answers, and the cookie is short.
base::status check_secrecy(const spec::tls_spec& tls, std::string_view cookie);
// The same of the node's cookie and its listeners; what is no reason to refuse is logged as a warning.
base::status check_secrecy(const spec::node_spec& spec, std::string_view cookie);

} // namespace coppice::node
