// SPDX-License-Identifier: MIT
// Checks whether a configuration protects the cookie from a process that answers in another node's place or
// listens on the network. The result is logged once when a node starts, with the remedy. In a handshake each
// side proves that it knows the cookie by a digest, from which a short cookie can be guessed offline. Any
// thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// Bytes. A shorter cookie counts as short.
inline constexpr std::size_t long_cookie = 16;

// Whether connections with this TLS may be made with this cookie. errc::refused: they are encrypted without
// verifying the other side, and the cookie is short.
base::status check_secrecy(const spec::tls_spec& tls, std::string_view cookie);
// Checks the node's cookie and its listeners. errc::refused: see the other check. Lesser problems are logged
// as warnings.
base::status check_secrecy(const spec::node_spec& spec, std::string_view cookie);

} // namespace coppice::node
