// SPDX-License-Identifier: MIT
// What holds for one stream of an actor: how its bytes are cut, how many wait, how long what may take. And
// the words for how streams end. Values, any thread.
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

// Times are 0 where there is no limit.
struct stream_options {
  net::framing framing{};
  // Bytes that have come and that the actor has not taken; beyond, nothing is read. A frame that is longer
  // is read all the same.
  std::size_t credit = std::size_t{64} << 10;
  base::nanos idle = 0;                            // nothing was read or written for so long
  base::nanos first_byte = 0;                      // from the connect
  base::nanos frame = 30 * base::nanos_per_second; // from a frame's first byte to its last
  // Bytes written and not taken by the kernel: beyond `high` a write is refused, until there are `low`.
  std::size_t high = std::size_t{1} << 20;
  std::size_t low = std::size_t{256} << 10;
  base::nanos stall = 30 * base::nanos_per_second; // what is written does not get on
  bool half_close = false;      // the peer's end is told, and writing may go on; else the stream ends with it
  std::uint32_t keepalive = 60; // seconds of silence before the kernel asks; 0: it does not
  bool nodelay = true; // small writes leave at once; else the kernel gathers them while some are under way
  // Accepted ones from `proxies` begin with a PROXY header of this version, and are whose it says.
  std::optional<net::proxy_version> proxy{};
  base::access_list proxies{};
};

// Why a stream is no more.
enum class stream_end : std::uint8_t {
  normal,          // its actor closed it
  eof,             // the peer did
  reset,           // the connection broke
  idle,            // one of the times for silence was over
  slow,            // the peer does not take what was written to it
  frame_too_large, // or one whose length cannot be
  tls,             // the handshake failed, or what came was no TLS
  shutdown,        // it was told to end
  refused,         // nobody listens there, or nobody by that name
  timeout,         // the connect took too long
  proxy,           // no PROXY header came, or none that can be
};
constexpr std::size_t stream_ends = 11;

std::string_view text(stream_end value);

} // namespace coppice::behaviours
