// SPDX-License-Identifier: MIT
// The options of one stream of an actor: how its bytes are cut, how many may wait, how long things may take.
// And the words for how streams end. Values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address_range.hpp"
#include "base/clock.hpp"
#include "net/stream/framer.hpp"
#include "net/stream/proxy_header.hpp"

namespace coppice::behaviours {

// For all times: 0: no limit.
struct stream_options {
  net::framing framing{};
  // How many bytes may wait for the actor; beyond, nothing is read. A frame that is longer is read all the
  // same.
  std::size_t credit = std::size_t{64} << 10;
  base::nanos idle = 0;                            // without any read or write
  base::nanos first_byte = 0;                      // from the opening to the peer's first byte
  base::nanos frame = 30 * base::nanos_per_second; // from a frame's first byte to its last
  // How many written bytes may wait for the kernel: above `high` a write is refused, until `low` are left.
  std::size_t high = std::size_t{1} << 20;
  std::size_t low = std::size_t{256} << 10;
  base::nanos stall = 30 * base::nanos_per_second; // in which no written byte gets on
  bool half_close = false;      // the actor is told the peer's end and may still write; else the stream ends
  std::uint32_t keepalive = 60; // seconds of silence before the kernel probes; 0: no probes
  bool nodelay = true; // small writes leave at once; else the kernel gathers them while others are under way
  // Connections from `proxies` begin with a PROXY header of this version, which names the real peer.
  std::optional<net::proxy_version> proxy{};
  base::access_list proxies{};
};

// Why a stream has ended.
enum class stream_end : std::uint8_t {
  normal,          // its actor closed it
  eof,             // the peer closed it
  reset,           // the connection broke
  idle,            // a limit of silence was exceeded
  slow,            // the peer does not take what was written to it
  frame_too_large, // or its length is not possible
  tls,             // the handshake failed, or the input was no TLS
  shutdown,        // the actor was told to end
  refused,         // nothing listens there, or the name does not exist
  timeout,         // the connect took too long
  proxy,           // no PROXY header came, or an invalid one
};
constexpr std::size_t stream_ends = 11;

std::string_view text(stream_end value);

} // namespace coppice::behaviours
