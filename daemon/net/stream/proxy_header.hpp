// SPDX-License-Identifier: MIT
// Reads the header by which a proxy in front of a listener names the client whose connection it passes on:
// the PROXY protocol, versions 1 (a line of text) and 2 (binary), of HAProxy's proxy-protocol.txt. Pure and
// bounded. The header proves nothing about its sender, so listeners read it only from the addresses of known
// proxies. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/socket_address.hpp"

namespace coppice::net {

// Most bytes of a header of any version. The TLVs that version 2 appends to its addresses are skipped, except
// a checksum of the header (CRC32C), which must be right.
constexpr std::size_t longest_proxy_header = 16 + 0xffff;

enum class proxy_version : std::uint8_t { either, v1, v2 };

struct proxy_header {
  // The ends of the client's connection to the proxy. Both are set or neither. If neither (health checks,
  // clients at a Unix-domain socket, a proxy that does not know), the connection's own addresses hold.
  std::optional<base::socket_address> source{};
  std::optional<base::socket_address> destination{};
  std::size_t consumed = 0; // bytes of the header; the client's own bytes follow
  bool local = false;       // the proxy connected for itself (a health check)
};

// `bytes`: the first bytes of the connection. Empty: they may be the beginning of a header and more are
// needed, at most longest_proxy_header in all. errc::invalid: they are no header, or one of a version that is
// not allowed.
base::result<std::optional<proxy_header>> read_proxy_header(base::bytes_span bytes,
                                                            proxy_version allowed = proxy_version::either);

} // namespace coppice::net
