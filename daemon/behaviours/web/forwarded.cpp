// SPDX-License-Identifier: MIT
// See forwarded.hpp.
#include "behaviours/web/forwarded.hpp"

#include <string_view>

namespace coppice::behaviours {
namespace {

// An address as proxies write it: with a port or without, one of IPv6 in brackets or without.
std::optional<base::socket_address> read_address(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    text = text.substr(1, end - 1);
  } else if (const std::size_t colon = text.find(':');
             colon != std::string_view::npos && text.rfind(':') == colon) {
    text = text.substr(0, colon);
  }
  const auto read = base::socket_address::parse(text, 0);
  return read ? std::optional(*read) : std::nullopt;
}

} // namespace

std::optional<std::string> forwarded_client(const net::http_request& asked, const base::socket_address& peer,
                                            const base::access_list& proxies) {
  if (proxies.allow.empty() || !proxies.permits(peer)) return std::nullopt;
  std::string all;
  for (const net::http_header& one : asked.headers)
    if (one.name == "x-forwarded-for") all += (all.empty() ? "" : ",") + one.value;
  std::optional<std::string> client;
  std::string_view rest = all;
  while (!rest.empty()) {
    const std::size_t comma = rest.rfind(',');
    const std::string_view last = comma == std::string_view::npos ? rest : rest.substr(comma + 1);
    const auto address = read_address(net::http_trimmed(last));
    if (!address) return client; // what stands before it is nobody's word
    client = address->host();
    if (!proxies.permits(*address)) return client;
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(0, comma);
  }
  return client;
}

} // namespace coppice::behaviours
