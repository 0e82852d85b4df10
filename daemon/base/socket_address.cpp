// SPDX-License-Identifier: MIT
// Numeric parsing and printing of socket addresses. Any thread.
#include "base/socket_address.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <array>
#include <charconv>
#include <cstring>

namespace coppice::base {
namespace {

unexpected<error> not_an_address(std::string_view text) {
  return fail(errc::invalid, "\"" + std::string(text) + "\" is no IPv4 or IPv6 address");
}

} // namespace

socket_address::socket_address() {
  std::memset(&storage_, 0, sizeof storage_);
  storage_.v4.sin_family = AF_INET;
}

result<socket_address> socket_address::parse(std::string_view host, std::uint16_t port) {
  std::string text(host);
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  socket_address address;
  if (inet_pton(AF_INET, text.c_str(), &address.storage_.v4.sin_addr) == 1 && text.size() == host.size()) {
    address.set_port(port);
    return address;
  }
  const std::size_t percent = text.find('%');
  unsigned scope = 0;
  if (percent != std::string::npos) {
    scope = if_nametoindex(text.c_str() + percent + 1);
    if (scope == 0) return fail(errc::not_found, "no network interface \"" + text.substr(percent + 1) + "\"");
    text.resize(percent);
  }
  std::memset(&address.storage_, 0, sizeof address.storage_);
  address.storage_.v6.sin6_family = AF_INET6;
  address.storage_.v6.sin6_scope_id = scope;
  if (inet_pton(AF_INET6, text.c_str(), &address.storage_.v6.sin6_addr) != 1) return not_an_address(host);
  address.set_port(port);
  return address;
}

result<socket_address> socket_address::parse(std::string_view host_and_port) {
  const std::size_t colon = host_and_port.rfind(':');
  if (colon == std::string_view::npos) return not_an_address(host_and_port);
  const std::string_view host = host_and_port.substr(0, colon);
  const std::string_view digits = host_and_port.substr(colon + 1);
  // A bare IPv6 address contains colons: with a port it has to be in brackets.
  if (host.find(':') != std::string_view::npos && host.front() != '[') return not_an_address(host_and_port);
  std::uint16_t port = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (code != std::errc{} || end != digits.data() + digits.size()) {
    return fail(errc::invalid, "\"" + std::string(digits) + "\" is no port (0 to 65535)");
  }
  return parse(host, port);
}

result<socket_address> socket_address::from_raw(const sockaddr* raw, socklen_t length) {
  socket_address address;
  if (length >= sizeof(sockaddr_in) && raw->sa_family == AF_INET) {
    std::memcpy(&address.storage_.v4, raw, sizeof(sockaddr_in));
    return address;
  }
  if (length >= sizeof(sockaddr_in6) && raw->sa_family == AF_INET6) {
    std::memcpy(&address.storage_.v6, raw, sizeof(sockaddr_in6));
    return address;
  }
  return fail(errc::unsupported, "neither an IPv4 nor an IPv6 address");
}

bool socket_address::is_loopback() const {
  if (!is_ipv6()) return (ntohl(storage_.v4.sin_addr.s_addr) >> 24) == 127;
  const in6_addr& address = storage_.v6.sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&address) || (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127);
}

bool socket_address::is_any() const {
  if (!is_ipv6()) return storage_.v4.sin_addr.s_addr == 0;
  return IN6_IS_ADDR_UNSPECIFIED(&storage_.v6.sin6_addr);
}

bool socket_address::is_multicast() const {
  if (!is_ipv6()) return IN_MULTICAST(ntohl(storage_.v4.sin_addr.s_addr));
  return IN6_IS_ADDR_MULTICAST(&storage_.v6.sin6_addr);
}

std::uint16_t socket_address::port() const {
  return ntohs(is_ipv6() ? storage_.v6.sin6_port : storage_.v4.sin_port);
}

void socket_address::set_port(std::uint16_t port) {
  (is_ipv6() ? storage_.v6.sin6_port : storage_.v4.sin_port) = htons(port);
}

socklen_t socket_address::raw_length() const {
  return is_ipv6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

std::string socket_address::host() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (!is_ipv6()) {
    inet_ntop(AF_INET, &storage_.v4.sin_addr, text.data(), text.size());
    return text.data();
  }
  inet_ntop(AF_INET6, &storage_.v6.sin6_addr, text.data(), text.size());
  std::string host = text.data();
  std::array<char, IF_NAMESIZE> interface {};
  if (storage_.v6.sin6_scope_id != 0 &&
      if_indextoname(storage_.v6.sin6_scope_id, interface.data()) != nullptr) {
    host.append("%").append(interface.data());
  }
  return host;
}

std::string socket_address::to_string() const {
  const std::string port_text = ":" + std::to_string(port());
  return is_ipv6() ? "[" + host() + "]" + port_text : host() + port_text;
}

bool socket_address::operator==(const socket_address& other) const {
  if (is_ipv6() != other.is_ipv6() || port() != other.port()) return false;
  if (!is_ipv6()) return storage_.v4.sin_addr.s_addr == other.storage_.v4.sin_addr.s_addr;
  return IN6_ARE_ADDR_EQUAL(&storage_.v6.sin6_addr, &other.storage_.v6.sin6_addr) &&
         storage_.v6.sin6_scope_id == other.storage_.v6.sin6_scope_id;
}

} // namespace coppice::base
