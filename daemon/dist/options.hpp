// SPDX-License-Identifier: MIT
// The options of the distribution (names, times, bounds, routes), which the router gets at its start and its
// connections only read, and what it reports of each peer to people and to metrics. Plain values. Any thread.
#pragma once

#include <chrono>
#include <coppice/etf/limits.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/socket_address.hpp"
#include "dist/compression.hpp"
#include "epmd/protocol.hpp"
#include "net/listening/listener.hpp"
#include "net/tls/tls_source.hpp"

namespace coppice::dist {

// A peer that is reached without EPMD, or has a cookie of its own. The cookie is used in both directions.
struct route {
  std::string node;
  std::string address;    // host name or address; empty: the node name's host
  std::uint16_t port = 0; // 0: ask EPMD
  std::optional<std::string> cookie;
  std::shared_ptr<net::tls_source> tls{}; // null: none
};

struct options {
  std::string cookie;
  bool visible = true;
  bool connect = true; // false: this node never connects by itself, except to kept nodes
  std::chrono::milliseconds ticktime{60'000};
  std::chrono::milliseconds connect_timeout{7'000}; // for look-up, connecting and handshake together
  // How long an attempt of ours waits, within that time, for an attempt that seems to come from the peer.
  // Short, because a handshake takes a few round trips and any client may claim the name.
  std::chrono::milliseconds yield_time{1'000};
  // For a peer that connects to us. While many handshakes are under way, its name must come within two
  // seconds.
  std::chrono::milliseconds handshake_timeout{7'000};
  std::uint16_t epmd_port = epmd::default_port;
  std::vector<route> routes;
  std::shared_ptr<net::tls_source> tls; // to peers without a route; null: none
  compression_settings compression;     // to peers that take it
  etf::limits term_limits;
  // Most handshakes of accepted connections at once; at most half of `connections`. Beyond that they make
  // room for each other, see net/admission/admission_limit.hpp.
  std::size_t handshakes = 256;
  std::size_t connections = 1000; // accepted sockets, established or not
  // Most attempts at once at nodes without a route that have never been connected; others wait for their
  // turn. A peer can name any number of nodes, at addresses of its choice.
  std::size_t attempts = 64;
  // Most links, monitors and calls that one peer's processes have with processes here.
  std::size_t relations = 1'000'000;
  // Bytes queued for one peer, beyond which senders are suspended, like OTP's +zdbbl.
  std::size_t busy_limit = std::size_t{4} << 20;
  // Most bytes queued for one peer; only senders that cannot be suspended (foreign threads, system traffic)
  // reach it. Beyond it, messages to a peer that is being connected are dropped, and an established
  // connection whose peer does not read is ended.
  std::size_t queue_limit = std::size_t{128} << 20;
  // Most bytes that incomplete messages of all peers together may hold. A term is never longer than that,
  // whatever term_limits says.
  std::size_t unfinished_limit = std::size_t{1} << 30;
  net::socket_store* sockets =
      nullptr; // where listening sockets are kept; outlives the router; null: nowhere
};

struct listen_at {
  base::socket_address address;
  net::port_range ports;
  std::shared_ptr<net::tls_source> tls{}; // has a certificate; null: none
};

enum class peer_state : std::uint8_t { down, connecting, connected };

struct peer_info {
  std::string name;
  peer_state state = peer_state::down;
  bool outgoing = false; // this node opened the connection
  bool hidden = false;
  bool kept = false;   // see router::keep()
  bool barred = false; // see router::bar()
  std::uint32_t creation = 0;
  std::string address;
  std::string_view tls; // "1.3" or "1.2"; empty: none
  base::nanos since =
      0; // wall clock: since when it is connected, or not connected; failed attempts do not change it
  base::nanos heard = 0;    // wall clock: when something last came from it; 0: never
  std::uint64_t losses = 0; // connections that ended, as long as the node's name is remembered
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t queued = 0;       // bytes
  std::uint64_t dropped = 0;      // messages
  std::uint32_t silent_ticks = 0; // quarters of net_ticktime without a byte from it; at 4 the connection ends
  std::uint64_t links = 0;
  std::uint64_t monitors = 0;
  std::string last_error; // why the last attempt failed or the last connection ended, in words
};

} // namespace coppice::dist
