// SPDX-License-Identifier: MIT
// A listener, or an actor that connects, and their keys, some of which a web server and an actor with a
// program have too. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/framing_kind.hpp"
#include "spec/schema/values.hpp"
#include "tree/supervision.hpp"

namespace coppice::spec {

class kind;
struct listener;
template <class Struct>
class table;

enum class endian { big, little };

struct frame_options {
  base::framing_kind kind = base::framing_kind::none;
  std::uint64_t max = std::uint64_t{16} << 20;
  std::uint64_t size = 0;   // bytes of each frame, for fixed
  std::uint32_t bytes = 4;  // of the length's field
  std::uint32_t offset = 0; // where the length's field is in the header
  std::uint32_t header = 0; // bytes; 0: offset + bytes
  bool includes_header = false;
  bool with_header = false;
  spec::endian endian = endian::big;
  std::string delimiter;
  bool operator==(const frame_options&) const = default;
};

struct read_options {
  std::uint64_t credit = std::uint64_t{64} << 10;
  milliseconds idle{0};
  milliseconds first_byte{0};
  milliseconds frame{30'000};
  bool operator==(const read_options&) const = default;
};

struct write_options {
  std::uint64_t high = std::uint64_t{1} << 20;
  std::uint64_t low = std::uint64_t{256} << 10;
  milliseconds stall{30'000};
  bool operator==(const write_options&) const = default;
};

struct access_options {
  std::vector<std::string> allow; // ranges of addresses
  std::vector<std::string> deny;
  bool operator==(const access_options&) const = default;
};

enum class proxy_header { off, v1, v2, either };

struct proxy_options {
  proxy_header accept = proxy_header::off;
  std::vector<std::string> from; // ranges of addresses; empty: all
  bool operator==(const proxy_options&) const = default;
};

struct tcp_listen_options {
  std::string address; // once loaded an address
  std::uint16_t port = 0;
  std::string path;   // absolute
  std::string socket; // name of a socket that the service manager passes
  std::uint32_t mode = 0660;
  tls_spec tls;
  std::vector<std::string> alpn;
  std::vector<named_certificate> sni; // each name once
  bool operator==(const tcp_listen_options&) const = default;
};

struct tcp_connect_options {
  std::string address; // a name or an address
  std::uint16_t port = 0;
  std::string path; // absolute; in place of address and port
  tls_spec tls;
  std::vector<std::string> alpn;
  milliseconds timeout{7000};
  tree::backoff_options backoff;
  bool operator==(const tcp_connect_options&) const = default;
};

// Either listens or connects.
struct tcp_options {
  std::vector<tcp_listen_options> listen;
  std::optional<tcp_connect_options> connect;
  std::string actor;                  // of a connection, as written: PLUGIN or PLUGIN:ACTOR
  std::string handlers;               // registered name of the pool that gets connections; empty: `actor`
  encoded_term args;                  // as a child's args
  std::vector<std::string> durations; // where durations stand in args, as JSON pointers
  std::uint32_t max_connections = 10'000;
  bool shed = false;
  std::uint32_t accept_backlog = 511;
  frame_options frame;
  read_options read;
  write_options write;
  milliseconds keepalive{60'000};
  bool nodelay = true;
  bool half_close = false;
  access_options access;
  proxy_options proxy_protocol;
  milliseconds drain{10'000};
  mailbox_options mailbox;
  std::optional<spec::unhandled> unhandled;
};

const table<tcp_listen_options>& tcp_listen_table();
const table<access_options>& access_table();
const table<frame_options>& frame_table();
// The results of kind::listeners() and kind::each_tls() for a list of addresses.
std::vector<listener> stream_listeners(const std::vector<tcp_listen_options>&);
void use_tls_of(const std::vector<tcp_listen_options>&, const std::function<void(const tls_spec&)>&,
                const std::function<void(const named_certificate&)>&);

} // namespace coppice::spec
