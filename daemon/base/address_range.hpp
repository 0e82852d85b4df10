// SPDX-License-Identifier: MIT
// Ranges of IP addresses (CIDR), and who is let in by them. An IPv4 address that is mapped into IPv6 is the
// IPv4 address, on both sides: no range of IPv6 holds it, not even ::/0. Any thread.
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
  // "10.0.0.0/8", "fe80::/10"; "::1" without a length is the one address. errc::invalid: it is neither, or
  // has bits set behind its length, which is most likely a mistake: the text says what fits.
  static result<address_range> parse(std::string_view text);

  // Its port and its zone don't count.
  bool contains(const socket_address& address) const;
  // As parse() takes it.
  std::string to_string() const;

  bool operator==(const address_range& other) const = default;

 private:
  address_range() = default;

  std::array<std::uint8_t, 16> first_{}; // an IPv4 address in the first four
  std::uint8_t length_ = 0;              // in bits
  bool is_ipv6_ = false;
};

struct access_list {
  std::vector<address_range> allow{}; // empty: everybody
  std::vector<address_range> deny{};  // before allow

  // errc::invalid as address_range::parse, naming the text.
  static result<access_list> parse(const std::vector<std::string>& allow,
                                   const std::vector<std::string>& deny);
  bool permits(const socket_address& who) const;
  bool operator==(const access_list& other) const = default;
};

} // namespace coppice::base
