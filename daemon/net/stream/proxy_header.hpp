// SPDX-License-Identifier: MIT
// The header by which a proxy in front of a listener tells whose connection it passes on: the PROXY protocol,
// versions 1 (a line of text) and 2 (binary), of HAProxy's proxy-protocol.txt. Pure and bounded. What it says
// is believed of whoever sends it: listeners read it from proxies they know, and from nobody else. Any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/socket_address.hpp"

namespace coppice::net {

// Of a header of any version. What version 2 appends to its addresses (TLVs), a client's certificate for
// instance, is skipped, but for a checksum of the header (CRC32C), which has to be right.
constexpr std::size_t longest_proxy_header = 16 + 0xffff;

enum class proxy_version : std::uint8_t { either, v1, v2 };

struct proxy_header {
  // Of the connection to the proxy. Both or none: without them (health checks, clients at a Unix-domain
  // socket, or a proxy that does not know) the connection's own addresses hold.
  std::optional<base::socket_address> source{};
  std::optional<base::socket_address> destination{};
  std::size_t consumed = 0; // bytes of the header; the client's own come behind
  bool local = false;       // the proxy speaks for itself
};

// `bytes`: the first ones of the connection. Nothing: they are a header's beginning, and at most
// longest_proxy_header are needed to tell. errc::invalid: they are no header, or one that is not allowed.
base::result<std::optional<proxy_header>> read_proxy_header(base::bytes_span bytes,
                                                            proxy_version allowed = proxy_version::either);

} // namespace coppice::net
