// SPDX-License-Identifier: MIT
// What the distribution is told at its start: names, times, bounds, routes; and what it shows of its peers.
// Plain values. Any thread.
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

// A peer reached without EPMD, or with a cookie of its own. The cookie counts in both directions.
struct route {
  std::string node;
  std::string address;    // host name or number; empty: the node name's host
  std::uint16_t port = 0; // 0: ask EPMD
  std::optional<std::string> cookie;
  std::shared_ptr<net::tls_source> tls{}; // null: none
};

struct options {
  std::string cookie;
  bool visible = true;
  bool connect = true; // false: never on our own
  std::chrono::milliseconds ticktime{60'000};
  std::chrono::milliseconds connect_timeout{7'000}; // look-up, connecting and handshake together
  // Of that, what an attempt of ours leaves at a time to one that seems to come from the other side: a
  // handshake takes a few round trips, and anybody may use the name.
  std::chrono::milliseconds yield_time{1'000};
  // Of a peer that connects to us; its name has to come within two seconds while many shake hands.
  std::chrono::milliseconds handshake_timeout{7'000};
  std::uint16_t epmd_port = epmd::default_port;
  std::vector<route> routes;
  std::shared_ptr<net::tls_source> tls; // towards peers without a route; null: none
  compression_settings compression;     // towards peers that take it
  etf::limits term_limits;
  // Of peers that connect to us, at once; half of the connections at most. More make room for each other by
  // the policy of net/admission/admission_limit.hpp.
  std::size_t handshakes = 256;
  std::size_t connections = 1000; // accepted sockets, established or not
  // Nodes without a route that have not been connected before and are being connected to, at once: others
  // wait their turn. A peer can name as many as it likes, at addresses of its choice.
  std::size_t attempts = 64;
  // Links, monitors and calls between one peer's processes and those here.
  std::size_t relations = 1'000'000;
  // Bytes waiting for one peer beyond which senders rest, as OTP's +zdbbl.
  std::size_t busy_limit = std::size_t{4} << 20;
  // Bytes of those that do not rest (foreign threads, system traffic): beyond it messages to a peer still
  // being connected are dropped, and an established one that does not read is given up.
  std::size_t queue_limit = std::size_t{128} << 20;
  // Bytes that all peers together may make us hold of messages which they have begun and not ended. A term is
  // no longer than that, whatever term_limits says.
  std::size_t unfinished_limit = std::size_t{1} << 30;
  net::socket_store* sockets =
      nullptr; // where those that listen are kept, outliving the router; null: nowhere
};

struct listen_at {
  base::socket_address address;
  net::port_range ports;
  std::shared_ptr<net::tls_source> tls{}; // with a certificate; null: none
};

enum class peer_state : std::uint8_t { down, connecting, connected };

struct peer_info {
  std::string name;
  peer_state state = peer_state::down;
  bool outgoing = false; // who opened the connection
  bool hidden = false;
  bool kept = false;   // see router::keep()
  bool barred = false; // see router::bar()
  std::uint32_t creation = 0;
  std::string address;
  std::string_view tls; // "1.3" or "1.2"; empty: none
  base::nanos since =
      0; // wall clock: since when it is connected, or is not; attempts in between do not count
  base::nanos heard = 0;    // wall clock: when something came from it last; 0: never
  std::uint64_t losses = 0; // connections that ended, as long as the node's name is remembered
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t queued = 0;       // bytes
  std::uint64_t dropped = 0;      // messages
  std::uint32_t silent_ticks = 0; // quarters of net_ticktime since something was heard; at 4 it is ended
  std::uint64_t links = 0;
  std::uint64_t monitors = 0;
  std::string last_error; // why the last attempt failed or the connection ended, in words
};

} // namespace coppice::dist
