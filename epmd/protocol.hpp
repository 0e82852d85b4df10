// SPDX-License-Identifier: MIT
// EPMD's protocol as values: both directions of every request and reply, each bounded. A request is a
// 16-bit length and a body; replies carry no length and end by their own counts or with the
// connection. Source: "Distribution Protocol", EPMD Protocol, in the ERTS user's guide. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/buffer.hpp"
#include "base/bytes.hpp"
#include "base/error.hpp"

namespace coppice::epmd {

constexpr std::uint16_t default_port = 4369;

// A node's alive name: 1 to 255 characters of UTF-8, compared byte for byte.
constexpr std::size_t max_name_characters = 255;
constexpr std::size_t max_name_bytes = 4 * max_name_characters;
constexpr std::size_t max_extra_bytes = 4 * max_name_characters;
// The body of the longest request, a registration: its fixed fields are 13 bytes.
constexpr std::size_t max_request_bytes = 13 + max_name_bytes + max_extra_bytes;
// What a client takes of a list of names; several thousand nodes.
constexpr std::size_t max_names_reply_bytes = 4u << 20;

constexpr std::uint8_t visible_node = 77;
constexpr std::uint8_t hidden_node = 72;

struct node_info {
  std::string name; // the part before the @
  std::uint16_t port = 0;
  std::uint8_t type = visible_node;
  std::uint8_t protocol = 0; // TCP over IPv4 and IPv6
  std::uint16_t highest = 6; // distribution protocol versions; 6 is OTP 23 and later
  std::uint16_t lowest = 5;
  std::string extra;
};

// Registers; the registration lives as long as the connection.
struct alive_request {
  node_info node;
};
struct port_request {
  std::string name;
};
struct names_request {};
struct dump_request {};
struct kill_request {};
// Unregisters a node by force.
struct stop_request {
  std::string name;
};
using request =
    std::variant<alive_request, port_request, names_request, dump_request, kill_request, stop_request>;

// Length and body.
void encode(base::buffer& out, const request& asked);

// How many bytes the request at the front of `received` has with its length field: nothing until that is
// known, errc::invalid when no request is that short or long.
base::result<std::optional<std::size_t>> request_size(base::bytes_span received);
// `body` without the length.
base::result<request> decode_request(base::bytes_span body);

// 32-bit creations go to nodes that speak version 6, older ones get 1 to 3.
struct alive_reply {
  bool accepted = false;
  std::uint32_t creation = 0;
};
void encode_alive_reply(base::buffer& out, const alive_reply& reply, std::uint16_t highest_version);
// Nothing: more bytes are needed.
base::result<std::optional<alive_reply>> decode_alive_reply(base::bytes_span received);

// No node: not registered.
void encode_port_reply(base::buffer& out, const node_info* node);
// Outer optional: more bytes are needed. Inner: no such node.
base::result<std::optional<std::optional<node_info>>> decode_port_reply(base::bytes_span received);

struct named_port {
  std::string name;
  std::uint16_t port = 0;
};
struct names_reply {
  std::uint16_t epmd_port = 0;
  std::vector<named_port> nodes;
};
// The first part of the replies to names and dump.
void encode_epmd_port(base::buffer& out, std::uint16_t port);
void encode_name_line(base::buffer& out, const named_port& node);
// All that came until the connection ended.
base::result<names_reply> decode_names_reply(base::bytes_span received);

// errc::invalid in words, or fine.
base::status check_name(std::string_view name);

} // namespace coppice::epmd
