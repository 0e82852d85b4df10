// SPDX-License-Identifier: MIT
// The addresses of coppice/draft/udp.h in the text form of tests: "127.0.0.1:514", "[::1]:514",
// "[fe80::1%2]:514" with the index of an interface. Any thread.
#pragma once

#include <coppice/draft/udp.h>

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include <coppice/testing/value.hpp>

namespace coppice::testing::detail {

template <class Number>
Number number_in(std::string_view text, const std::string& whole) {
  Number out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    throw failure("no address with a port: " + whole);
  return out;
}

/// Throws failure if the text is not an address.
coppice_udp_address read_address(const std::string& text);

std::string host_of(const coppice_udp_address& address);
/// Empty for family 0.
std::string print_address(const coppice_udp_address& address);

/// Whether a socket with this address takes datagrams to any address of its machine.
bool is_any(const coppice_udp_address& address);
bool is_group(const coppice_udp_address& address);

} // namespace coppice::testing::detail
