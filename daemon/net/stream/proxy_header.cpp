// SPDX-License-Identifier: MIT
// Section numbers are those of proxy-protocol.txt. Any thread.
#include "net/stream/proxy_header.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "base/crc32c.hpp"
#include "base/printable.hpp"

namespace coppice::net {
namespace {

using namespace std::string_view_literals;
using outcome = base::result<std::optional<proxy_header>>;

constexpr std::string_view v1_start = "PROXY ";
constexpr std::size_t longest_v1 = 107; // 2.1, its \r\n included
constexpr std::string_view v2_start = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t v2_fixed = 16;
constexpr std::size_t ports_size = 4;

unexpected<base::error> refuse(std::string_view what) {
  return base::fail(base::errc::invalid, fmt::format("PROXY header: {}", what));
}

bool begins(base::bytes_span bytes, std::string_view with) {
  const std::size_t both = std::min(bytes.size(), with.size());
  return std::memcmp(bytes.data(), with.data(), both) == 0;
}

base::socket_address address_of(int family, const std::uint8_t* host, std::uint16_t port) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (family == AF_INET) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, host, sizeof v4.sin_addr);
    return *base::socket_address::from_raw(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  }
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, host, sizeof v6.sin6_addr);
  return *base::socket_address::from_raw(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
}

// Version 1 ------------------------------------------------------------------------------------------------

// Cuts off the text up to the next single space, and the space.
std::string_view next_field(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(std::min(rest.size(), end + 1));
  return field;
}

// Decimal, without leading zeros.
std::optional<std::uint16_t> read_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  unsigned value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(digit - '0');
  }
  if (value > 0xffff) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

std::optional<base::socket_address> read_address(int family, std::string_view host, std::string_view port) {
  const auto number = read_port(port);
  std::array<std::uint8_t, sizeof(in6_addr)> binary{};
  if (!number || inet_pton(family, std::string(host).c_str(), binary.data()) != 1) return std::nullopt;
  return address_of(family, binary.data(), *number);
}

outcome read_v1(base::bytes_span bytes) {
  const std::string_view text = base::as_text(bytes.first(std::min(bytes.size(), longest_v1)));
  const std::size_t end = text.find("\r\n");
  if (end == std::string_view::npos) {
    if (text.size() < longest_v1) return std::nullopt;
    return refuse(fmt::format("no end of its line within {} bytes", longest_v1));
  }
  std::string_view rest = text.substr(v1_start.size(), end - v1_start.size());
  proxy_header out;
  out.consumed = end + 2;
  const std::string_view protocol = next_field(rest);
  if (protocol == "UNKNOWN") return out;
  if (protocol != "TCP4" && protocol != "TCP6") {
    return refuse(fmt::format("neither TCP4, TCP6 nor UNKNOWN but {}", base::in_quotes(protocol)));
  }
  const std::string_view whole = rest;
  // A zero byte would end the address for a reader of C strings.
  if (whole.find('\0') != std::string_view::npos) return refuse("a zero byte in its line");
  const int family = protocol == "TCP4" ? AF_INET : AF_INET6;
  const std::string_view from = next_field(rest);
  const std::string_view to = next_field(rest);
  const std::string_view from_port = next_field(rest);
  out.source = read_address(family, from, from_port);
  out.destination = read_address(family, to, rest); // nothing may follow
  if (out.source && out.destination) return out;
  return refuse(fmt::format("{} wants two addresses and two ports, and has {}", protocol,
                            base::in_quotes(whole, longest_v1)));
}

// Version 2 ------------------------------------------------------------------------------------------------

// 2.2: the high four bits are the address family, the low four the transport.
enum family_byte : std::uint8_t { unspecified = 0x00, tcp4 = 0x11, tcp6 = 0x21, unix_stream = 0x31 };

constexpr std::uint8_t checksum_type = 0x03; // PP2_TYPE_CRC32C
constexpr std::size_t tlv_head = 3;          // type and length

// The checksum of the header, with zeros in place of the checksum field at `field` (2.2.4).
std::uint32_t checksum(base::bytes_span header, std::size_t field) {
  constexpr std::array<std::uint8_t, sizeof(std::uint32_t)> zeros{};
  const std::uint32_t before = base::crc32c(zeros, base::crc32c(header.first(field)));
  return base::crc32c(header.subspan(field + zeros.size()), before);
}

// Whether the header has no checksum, or the right one. TLVs with impossible lengths count as none.
bool has_right_checksum(base::bytes_span header, std::size_t tlvs_at) {
  for (std::size_t at = tlvs_at; at + tlv_head <= header.size();) {
    const std::size_t length = base::load_be16(header.data() + at + 1);
    const std::size_t value = at + tlv_head;
    if (length > header.size() - value) return true;
    if (header[at] == checksum_type)
      return length == sizeof(std::uint32_t) &&
             base::load_be<std::uint32_t>(header.data() + value) == checksum(header, value);
    at = value + length;
  }
  return true;
}

outcome read_v2(base::bytes_span bytes) {
  if (bytes.size() > v2_start.size()) {
    const unsigned version = bytes[12] >> 4;
    const unsigned command = bytes[12] & 0xf;
    if (version != 2) return refuse(fmt::format("version {} is not known", version));
    if (command > 1) return refuse(fmt::format("command {} is not known", command));
  }
  if (bytes.size() < v2_fixed) return std::nullopt;
  proxy_header out;
  out.local = (bytes[12] & 0xf) == 0;
  const std::size_t length = base::load_be16(bytes.data() + 14);
  out.consumed = v2_fixed + length;
  std::size_t host_size = 0;
  std::size_t needed = 0;
  switch (bytes[13]) {
    case tcp4:
    case tcp6:
      host_size = bytes[13] == tcp4 ? sizeof(in_addr) : sizeof(in6_addr);
      needed = 2 * host_size + ports_size;
      break;
    case unix_stream:
      needed = 2 * 108;
      break;
    case unspecified:
      break;
    default:
      // The addresses of a local connection are ignored.
      if (!out.local) return refuse(fmt::format("family and transport 0x{:02x} are not served", bytes[13]));
  }
  if (!out.local && length < needed) {
    return refuse(fmt::format("{} bytes of addresses, and {} are needed", length, needed));
  }
  if (bytes.size() < out.consumed) return std::nullopt;
  if (!out.local && !has_right_checksum(bytes.first(out.consumed), v2_fixed + needed))
    return refuse("its checksum (CRC32C) is wrong");
  if (out.local || host_size == 0) return out;
  const int family = bytes[13] == tcp4 ? AF_INET : AF_INET6;
  const std::uint8_t* hosts = bytes.data() + v2_fixed;
  const std::uint8_t* ports = hosts + 2 * host_size;
  out.source = address_of(family, hosts, base::load_be16(ports));
  out.destination = address_of(family, hosts + host_size, base::load_be16(ports + 2));
  return out;
}

} // namespace

outcome read_proxy_header(base::bytes_span bytes, proxy_version allowed) {
  if (bytes.empty()) return std::nullopt;
  if (begins(bytes, v1_start)) {
    if (allowed == proxy_version::v2) return refuse("it is of version 1, and version 2 is wanted");
    return bytes.size() < v1_start.size() ? outcome(std::nullopt) : read_v1(bytes);
  }
  if (begins(bytes, v2_start)) {
    if (bytes.size() < v2_start.size()) return std::nullopt;
    if (allowed == proxy_version::v1) return refuse("it is of version 2, and version 1 is wanted");
    return read_v2(bytes);
  }
  return refuse(
      fmt::format("there is none: the connection begins with {}",
                  base::in_quotes(base::as_text(bytes.first(std::min<std::size_t>(bytes.size(), 16))))));
}

} // namespace coppice::net
