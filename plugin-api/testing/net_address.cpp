// SPDX-License-Identifier: MIT
// Writes and reads the addresses of datagrams in tests. Any thread.
#include <coppice/testing/net_address.hpp>

#include <arpa/inet.h>
#include <cstring>

namespace coppice::testing::detail {

coppice_udp_address read_address(const std::string& text) {
  coppice_udp_address out{};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) throw failure("no address with a port: " + text);
  out.port = number_in<std::uint16_t>(std::string_view(text).substr(colon + 1), text);
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (const std::size_t percent = host.find('%'); percent != std::string::npos) {
      out.scope = number_in<std::uint32_t>(std::string_view(host).substr(percent + 1), text);
      host.resize(percent);
    }
    out.family = 6;
  } else {
    out.family = 4;
  }
  if (inet_pton(out.family == 6 ? AF_INET6 : AF_INET, host.c_str(), out.bytes) != 1)
    throw failure("no address with a port: " + text);
  return out;
}

std::string host_of(const coppice_udp_address& address) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(address.family == 6 ? AF_INET6 : AF_INET, address.bytes, text, sizeof text);
  return address.scope == 0 ? text : std::string(text) + "%" + std::to_string(address.scope);
}

std::string print_address(const coppice_udp_address& address) {
  if (address.family == 0) return {};
  const std::string host = host_of(address);
  return (address.family == 6 ? "[" + host + "]" : host) + ":" + std::to_string(address.port);
}

bool is_any(const coppice_udp_address& address) {
  constexpr std::uint8_t none[sizeof address.bytes] = {};
  return std::memcmp(address.bytes, none, sizeof none) == 0;
}

bool is_group(const coppice_udp_address& address) {
  return address.family == 6 ? address.bytes[0] == 0xff : (address.bytes[0] & 0xf0U) == 0xe0;
}

} // namespace coppice::testing::detail
