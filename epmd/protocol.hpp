// SPDX-License-Identifier: MIT
// EPMD's protocol as values: every request and reply in both directions, each bounded. A request is a 16-bit
// length and a body. Replies have no length; they end by their own counts, or with the connection. Source:
// "Distribution Protocol", EPMD Protocol, in the ERTS user's guide. Any thread.
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
// The body of the longest request, a registration: its fixed fields have 13 bytes.
constexpr std::size_t max_request_bytes = 13 + max_name_bytes + max_extra_bytes;
// Most bytes of a list of names that a client takes: several thousand nodes.
constexpr std::size_t max_names_reply_bytes = 4u << 20;

constexpr std::uint8_t visible_node = 77;
constexpr std::uint8_t hidden_node = 72;

struct node_info {
  std::string name; // the part before the @
  std::uint16_t port = 0;
  std::uint8_t type = visible_node;
  std::uint8_t protocol = 0; // 0: TCP over IPv4 and IPv6
  std::uint16_t highest = 6; // versions of the distribution protocol; 6: OTP 23 and later
  std::uint16_t lowest = 5;
  std::string extra;
};

// Registers a node. The registration lasts as long as the connection.
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

// Appends length and body.
void encode(base::buffer& out, const request& asked);

// The size of the request at the front of `received`, with its length field. Nothing: more bytes are needed.
// errc::invalid: no request is that short or long.
base::result<std::optional<std::size_t>> request_size(base::bytes_span received);
// `body`: without the length.
base::result<request> decode_request(base::bytes_span body);

// Nodes of version 6 get a 32-bit creation, older nodes one from 1 to 3.
struct alive_reply {
  bool accepted = false;
  std::uint32_t creation = 0;
};
void encode_alive_reply(base::buffer& out, const alive_reply& reply, std::uint16_t highest_version);
// Nothing: more bytes are needed.
base::result<std::optional<alive_reply>> decode_alive_reply(base::bytes_span received);

// `node` null: it is not registered.
void encode_port_reply(base::buffer& out, const node_info* node);
// Outer nothing: more bytes are needed. Inner nothing: the node is not registered.
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
// `received`: everything until the end of the connection.
base::result<names_reply> decode_names_reply(base::bytes_span received);

// errc::invalid: it is empty, too long or not printable; the text says which.
base::status check_name(std::string_view name);

} // namespace coppice::epmd
