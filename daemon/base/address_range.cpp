// SPDX-License-Identifier: MIT
// Reading, masking and comparing IP addresses and ranges. See address_range.hpp. Any thread.
#include "base/address_range.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "base/printable.hpp"

namespace coppice::base {
namespace {

constexpr unsigned mapped_bits = 96; // of ::ffff:0:0/96
constexpr std::size_t mapped_bytes = mapped_bits / 8;

struct plain_address {
  std::array<std::uint8_t, 16> bytes{};
  bool is_ipv6 = false;
};

bool is_mapped(const std::array<std::uint8_t, 16>& bytes) {
  return std::all_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t one) { return one == 0; }) &&
         bytes[10] == 0xff && bytes[11] == 0xff;
}

plain_address unmapped(plain_address from) {
  if (!from.is_ipv6 || !is_mapped(from.bytes)) return from;
  plain_address out;
  std::copy(from.bytes.begin() + mapped_bytes, from.bytes.end(), out.bytes.begin());
  return out;
}

plain_address plain(const socket_address& from) {
  plain_address out;
  out.is_ipv6 = from.is_ipv6();
  if (out.is_ipv6) {
    std::memcpy(out.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(from.raw())->sin6_addr, 16);
  } else {
    std::memcpy(out.bytes.data(), &reinterpret_cast<const sockaddr_in*>(from.raw())->sin_addr, 4);
  }
  return unmapped(out);
}

std::optional<plain_address> read_address(const std::string& text) {
  plain_address out;
  if (inet_pton(AF_INET, text.c_str(), out.bytes.data()) == 1) return out;
  out.is_ipv6 = true;
  if (inet_pton(AF_INET6, text.c_str(), out.bytes.data()) == 1) return out;
  return std::nullopt;
}

std::optional<unsigned> read_length(std::string_view text) {
  unsigned value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (wrong != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The first `bits` bits of `of`, and zeros.
std::array<std::uint8_t, 16> masked(std::array<std::uint8_t, 16> of, unsigned bits) {
  for (unsigned i = 0; i < of.size(); ++i) {
    const unsigned kept = bits > 8 * i ? std::min(8U, bits - 8 * i) : 0;
    of[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
  }
  return of;
}

} // namespace

result<address_range> address_range::parse(std::string_view text) {
  const auto refuse = [text](std::string why) {
    return fail(errc::invalid, fmt::format("{}: {}", in_quotes(text), why));
  };
  const std::size_t slash = text.find('/');
  const std::string host(text.substr(0, slash));
  const auto address = host.find('\0') == std::string::npos ? read_address(host) : std::nullopt;
  if (!address) return refuse("no IP address, nor a range as 10.0.0.0/8 or fe80::/10");
  const unsigned whole = address->is_ipv6 ? 128 : 32;
  unsigned length = whole;
  if (slash != std::string_view::npos) {
    const auto given = read_length(text.substr(slash + 1));
    if (!given || *given > whole)
      return refuse(fmt::format("behind the slash stands a number from 0 to {}", whole));
    length = *given;
  }
  address_range out;
  out.is_ipv6_ = address->is_ipv6;
  out.first_ = masked(address->bytes, length);
  out.length_ = static_cast<std::uint8_t>(length);
  if (out.first_ != address->bytes)
    return refuse("it has bits set behind its length; " + out.to_string() + " has none");
  if (!out.is_ipv6_ || length < mapped_bits || !is_mapped(out.first_)) return out;
  const plain_address v4 = unmapped({out.first_, true});
  out.is_ipv6_ = false;
  out.first_ = v4.bytes;
  out.length_ = static_cast<std::uint8_t>(length - mapped_bits);
  return out;
}

bool address_range::contains(const socket_address& address) const {
  const plain_address who = plain(address);
  return who.is_ipv6 == is_ipv6_ && masked(who.bytes, length_) == first_;
}

std::string address_range::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_ipv6_ ? AF_INET6 : AF_INET, first_.data(), text.data(), text.size());
  return fmt::format("{}/{}", text.data(), length_);
}

result<access_list> access_list::parse(const std::vector<std::string>& allow,
                                       const std::vector<std::string>& deny) {
  access_list out;
  const auto read = [](const std::vector<std::string>& texts, std::vector<address_range>& into) -> status {
    for (const std::string& text : texts) {
      auto range = address_range::parse(text);
      if (!range) return unexpected(std::move(range.error()));
      into.push_back(*range);
    }
    return {};
  };
  if (auto done = read(allow, out.allow); !done) return unexpected(std::move(done.error()).context("allow"));
  if (auto done = read(deny, out.deny); !done) return unexpected(std::move(done.error()).context("deny"));
  return out;
}

bool access_list::permits(const socket_address& who) const {
  const auto holds = [&who](const address_range& range) { return range.contains(who); };
  if (std::any_of(deny.begin(), deny.end(), holds)) return false;
  return allow.empty() || std::any_of(allow.begin(), allow.end(), holds);
}

} // namespace coppice::base
