// SPDX-License-Identifier: MIT
// Ranges of IP addresses (CIDR), and lists of ranges that admit or refuse an address. An IPv4 address that is
// mapped into IPv6 counts as the IPv4 address, on both sides, so no IPv6 range contains it, not even ::/0.
// Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/socket_address.hpp"

namespace coppice::base {

class address_range {
 public:
  // "10.0.0.0/8", "fe80::/10"; "::1" without a length is a single address. errc::invalid: it is neither, or
  // bits are set behind the length, which is most likely a mistake; the text then names the range without
  // them.
  static result<address_range> parse(std::string_view text);

  // Ignores the port and the zone.
  bool contains(const socket_address& address) const;
  // In the form that parse() reads.
  std::string to_string() const;

  bool operator==(const address_range& other) const = default;

 private:
  address_range() = default;

  std::array<std::uint8_t, 16> first_{}; // an IPv4 address is in the first four
  std::uint8_t length_ = 0;              // in bits
  bool is_ipv6_ = false;
};

struct access_list {
  std::vector<address_range> allow{}; // empty: all
  std::vector<address_range> deny{};  // goes before allow

  // errc::invalid: as address_range::parse(); the error names the text.
  static result<access_list> parse(const std::vector<std::string>& allow,
                                   const std::vector<std::string>& deny);
  bool permits(const socket_address& who) const;
  bool operator==(const access_list& other) const = default;
};

} // namespace coppice::base
