// SPDX-License-Identifier: MIT
// Reads and writes the fields one by one. A count is checked against what is left before it is used. Any
// thread.
#include "epmd/protocol.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/printable.hpp"
#include "base/utf8.hpp"

namespace coppice::epmd {
namespace {

enum tag : std::uint8_t {
  tag_dump = 100,
  tag_kill = 107,
  tag_names = 110,
  tag_stop = 115,
  tag_alive_x_reply = 118,
  tag_port_reply = 119,
  tag_alive = 120,
  tag_alive_reply = 121,
  tag_port = 122,
};

// A refused node of an older version gets this creation, as from OTP's epmd.
constexpr std::uint16_t refused_creation = 99;
constexpr std::uint16_t wide_creation_version = 6;

// Reads integers and strings off the front; `failed` is true once something was missing.
class reader {
 public:
  explicit reader(base::bytes_span bytes) : rest_(bytes) {}

  template <class Integer>
  Integer integer() {
    const base::bytes_span raw = take(sizeof(Integer));
    return raw.empty() ? Integer{0} : base::load_be<Integer>(raw.data());
  }
  std::uint8_t byte() {
    const base::bytes_span raw = take(1);
    return raw.empty() ? std::uint8_t{0} : raw[0];
  }
  std::string text(std::size_t size) { return std::string(base::as_text(take(size))); }
  std::string remaining() { return text(rest_.size()); }
  bool failed() const { return failed_; }

 private:
  base::bytes_span take(std::size_t size) {
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    const base::bytes_span taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  base::bytes_span rest_;
  bool failed_ = false;
};

unexpected<base::error> malformed(std::string_view what) {
  return base::fail(base::errc::invalid, fmt::format("malformed {}", what));
}

void encode_alive(base::buffer& out, const node_info& node) {
  out.append_u8(tag_alive);
  out.append_be16(node.port);
  out.append_u8(node.type);
  out.append_u8(node.protocol);
  out.append_be16(node.highest);
  out.append_be16(node.lowest);
  out.append_be16(static_cast<std::uint16_t>(node.name.size()));
  out.append(node.name);
  out.append_be16(static_cast<std::uint16_t>(node.extra.size()));
  out.append(node.extra);
}

struct body_encoder {
  base::buffer& out;

  void operator()(const alive_request& asked) const { encode_alive(out, asked.node); }
  void operator()(const port_request& asked) const { named(tag_port, asked.name); }
  void operator()(const stop_request& asked) const { named(tag_stop, asked.name); }
  void operator()(names_request) const { out.append_u8(tag_names); }
  void operator()(dump_request) const { out.append_u8(tag_dump); }
  void operator()(kill_request) const { out.append_u8(tag_kill); }

 private:
  void named(tag code, const std::string& name) const {
    out.append_u8(code);
    out.append(name);
  }
};

base::result<request> decode_alive(base::bytes_span body) {
  reader in(body.subspan(1));
  node_info node;
  node.port = in.integer<std::uint16_t>();
  node.type = in.byte();
  node.protocol = in.byte();
  node.highest = in.integer<std::uint16_t>();
  node.lowest = in.integer<std::uint16_t>();
  node.name = in.text(in.integer<std::uint16_t>());
  node.extra = in.text(in.integer<std::uint16_t>());
  if (in.failed()) return malformed("registration");
  if (auto fine = check_name(node.name); !fine) return unexpected(std::move(fine.error()));
  if (node.extra.size() > max_extra_bytes) return malformed("registration: too much extra data");
  return alive_request{std::move(node)};
}

// Old clients end the name with a zero byte.
base::result<std::string> decode_name(base::bytes_span body) {
  std::string_view name = base::as_text(body.subspan(1));
  if (!name.empty() && name.back() == '\0') name.remove_suffix(1);
  if (auto fine = check_name(name); !fine) return unexpected(std::move(fine.error()));
  return std::string(name);
}

bool parse_name_line(std::string_view line, named_port& out) {
  constexpr std::string_view before = "name ";
  constexpr std::string_view between = " at port ";
  const std::size_t middle = line.rfind(between);
  if (!line.starts_with(before) || middle == std::string_view::npos || middle < before.size()) return false;
  const std::string_view digits = line.substr(middle + between.size());
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  if (code != std::errc{} || end != digits.data() + digits.size()) return false;
  out.name = line.substr(before.size(), middle - before.size());
  return true;
}

template <class Request>
base::result<request> decode_named(base::bytes_span body) {
  auto name = decode_name(body);
  if (!name) return unexpected(std::move(name.error()));
  return Request{std::move(*name)};
}

} // namespace

base::status check_name(std::string_view name) {
  if (name.empty()) return base::fail(base::errc::invalid, "a node's name is empty");
  // Names stand in lines: those of the log, and those that EPMD sends to its clients.
  if (!base::is_printable(name)) {
    return base::fail(base::errc::invalid, "a node's name is not UTF-8 or has a control character");
  }
  const std::size_t characters = base::utf8_count(name);
  if (characters > max_name_characters) {
    return base::fail(base::errc::invalid,
                      fmt::format("a node's name has {} characters, at most {} are allowed", characters,
                                  max_name_characters));
  }
  return {};
}

void encode(base::buffer& out, const request& asked) {
  base::buffer body;
  std::visit(body_encoder{body}, asked);
  out.append_be16(static_cast<std::uint16_t>(body.size()));
  out.append(body.readable());
}

base::result<std::optional<std::size_t>> request_size(base::bytes_span received) {
  if (received.size() < 2) return std::nullopt;
  const std::size_t body = base::load_be16(received.data());
  if (body == 0 || body > max_request_bytes) {
    return base::fail(base::errc::invalid, fmt::format("a request of {} bytes", body));
  }
  return body + 2;
}

base::result<request> decode_request(base::bytes_span body) {
  if (body.empty()) return malformed("request");
  switch (body[0]) {
    case tag_alive:
      return decode_alive(body);
    case tag_names:
      return names_request{};
    case tag_dump:
      return dump_request{};
    case tag_kill:
      return kill_request{};
    case tag_port:
      return decode_named<port_request>(body);
    case tag_stop:
      return decode_named<stop_request>(body);
    default:
      return base::fail(base::errc::invalid, fmt::format("unknown request {}", body[0]));
  }
}

void encode_alive_reply(base::buffer& out, const alive_reply& reply, std::uint16_t highest_version) {
  const bool wide = highest_version >= wide_creation_version;
  out.append_u8(wide ? tag_alive_x_reply : tag_alive_reply);
  out.append_u8(reply.accepted ? 0 : 1);
  const std::uint32_t creation = reply.accepted ? reply.creation : refused_creation;
  if (wide) {
    out.append_be32(creation);
  } else {
    out.append_be16(static_cast<std::uint16_t>(creation));
  }
}

base::result<std::optional<alive_reply>> decode_alive_reply(base::bytes_span received) {
  if (received.empty()) return std::nullopt;
  if (received[0] != tag_alive_reply && received[0] != tag_alive_x_reply)
    return malformed("answer to a registration");
  reader in(received.subspan(1));
  alive_reply reply;
  reply.accepted = in.byte() == 0;
  reply.creation =
      received[0] == tag_alive_x_reply ? in.integer<std::uint32_t>() : in.integer<std::uint16_t>();
  if (in.failed()) return std::nullopt;
  return reply;
}

void encode_port_reply(base::buffer& out, const node_info* node) {
  out.append_u8(tag_port_reply);
  out.append_u8(node != nullptr ? 0 : 1);
  if (node == nullptr) return;
  out.append_be16(node->port);
  out.append_u8(node->type);
  out.append_u8(node->protocol);
  out.append_be16(node->highest);
  out.append_be16(node->lowest);
  out.append_be16(static_cast<std::uint16_t>(node->name.size()));
  out.append(node->name);
  out.append_be16(static_cast<std::uint16_t>(node->extra.size()));
  out.append(node->extra);
}

base::result<std::optional<std::optional<node_info>>> decode_port_reply(base::bytes_span received) {
  using reply = std::optional<std::optional<node_info>>;
  if (received.empty()) return reply();
  if (received[0] != tag_port_reply) return malformed("answer to a look-up");
  reader in(received.subspan(1));
  const std::uint8_t code = in.byte();
  if (in.failed()) return reply();
  if (code != 0) return reply(std::optional<node_info>());
  node_info node;
  node.port = in.integer<std::uint16_t>();
  node.type = in.byte();
  node.protocol = in.byte();
  node.highest = in.integer<std::uint16_t>();
  node.lowest = in.integer<std::uint16_t>();
  const auto name_size = in.integer<std::uint16_t>();
  if (name_size > max_name_bytes) return malformed("answer to a look-up");
  node.name = in.text(name_size);
  const auto extra_size = in.integer<std::uint16_t>();
  if (extra_size > max_extra_bytes) return malformed("answer to a look-up");
  node.extra = in.text(extra_size);
  if (in.failed()) return reply();
  return reply(std::move(node));
}

void encode_epmd_port(base::buffer& out, std::uint16_t port) {
  out.append_be32(port);
}

void encode_name_line(base::buffer& out, const named_port& node) {
  out.append(fmt::format("name {} at port {}\n", node.name, node.port));
}

base::result<names_reply> decode_names_reply(base::bytes_span received) {
  if (received.size() < 4) return malformed("list of names");
  names_reply reply;
  reply.epmd_port = static_cast<std::uint16_t>(base::load_be32(received.data()));
  std::string_view lines = base::as_text(received.subspan(4));
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    named_port node;
    if (end == std::string_view::npos || !parse_name_line(lines.substr(0, end), node))
      return malformed("list of names");
    reply.nodes.push_back(std::move(node));
    lines.remove_prefix(end + 1);
  }
  return reply;
}

} // namespace coppice::epmd
